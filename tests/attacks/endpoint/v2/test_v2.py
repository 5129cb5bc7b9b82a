"""The Open Inference Protocol: forms of answers, choices, versions and failures, over both APIs."""
import numpy as np
import pytest

from attacks.endpoint.failures import EndpointError
from attacks.endpoint.failures import InDoubtError
from attacks.endpoint.settings.declared_model import DeclaredModel
from attacks.endpoint.v2 import tensors
from tests.attacks.endpoint.scripted import Reply
from tests.attacks.endpoint.scripted import ScriptedServer
from tests.attacks.endpoint.served import endpoint_of
from tests.attacks.endpoint.v2.look_alike import GrpcModel
from tests.attacks.endpoint.v2.look_alike import METADATA
from tests.attacks.endpoint.v2.look_alike import RestModel
from tests.attacks.endpoint.v2.look_alike import softmax

X = np.float32([[0.5, 0.25], [0.125, 1], [3, -2e-8]])
BINARY = ["classification", "binary_tensor_data"]
each_api = pytest.mark.parametrize("model", [RestModel, GrpcModel])
FORMS = {
    "flat": lambda **options: RestModel(**options),
    "nested": lambda **options: RestModel(is_nested=True, **options),
    "binary": lambda **options: RestModel(extensions=BINARY, **options),
    "raw": lambda **options: GrpcModel(**options),
    "typed": lambda **options: GrpcModel(is_raw=False, **options),
}
each_form = pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)


@each_form
def test_answers_are_the_models_to_the_bit(form):
    with form() as server:
        endpoint = endpoint_of(server.url)
        signature = endpoint.signature()
        assert (signature.input_name, signature.output_name) == ("x", "scores")
        assert (signature.input_dtype, signature.input_shape) == (np.float32, (2,))
        assert endpoint.version() == "10"
        answers, version = endpoint.predict(X)
        assert version == "10" and answers.dtype == np.float32
        np.testing.assert_array_equal(answers, softmax(X))
        endpoint.close()


@each_form
def test_labels_are_numbers_or_names(form, tmp_path):
    (tmp_path / "names").write_text("cat\ndog\n")
    model = DeclaredModel(class_names=str(tmp_path / "names"))
    labels = np.int64([1, 0, 0])

    def outputs(x):
        return {"label": labels, "name": np.array(["dog", "cat", "cat"], object)}

    with form(metadata=None, outputs=outputs) as server:
        answers, _ = endpoint_of(server.url, output_name="label").predict(X)
        assert answers.dtype == np.int64 and answers.tolist() == labels.tolist()
        named = endpoint_of(server.url, output_name="name", model=model)
        assert named.predict(X)[0].tolist() == labels.tolist()
        with pytest.raises(EndpointError, match="`output_name` must be one .*label, name.*no name"):
            endpoint_of(server.url).predict(X)


@each_api
def test_without_metadata_the_auditor_tells(model, caplog):
    with model(metadata=None, version=None) as server:
        endpoint = endpoint_of(server.url, model=DeclaredModel("float64", (1, 2)))
        signature = endpoint.signature()
        assert (signature.input_name, signature.output_name) == ("input-0", "")
        assert (signature.input_dtype, signature.input_shape) == (np.float64, (1, 2))
        assert endpoint.version() == "unknown"
        answers, version = endpoint.predict(X.astype("float64").reshape(3, 1, 2))
        assert version == "unknown"
        np.testing.assert_array_equal(answers, softmax(X))
    assert "does not tell what the inputs" in caplog.text


def _with(**changes):
    return {**METADATA, **changes}


def tensor(name="x", datatype="FP32", shape=(-1, 2)):
    return {"name": name, "datatype": datatype, "shape": list(shape)}


CHOICES = [
    (_with(inputs=[tensor(), tensor("mask")]), {}, "one input. .* x .FP32 .., 2.*mask"),
    (_with(inputs=[tensor(datatype="BYTES")]), {}, "one of the datatypes BOOL, .*: BYTES"),
    (_with(inputs=[tensor(datatype="BF16")]), {}, "one of the datatypes .*: BF16"),
    (_with(inputs=[tensor(shape=(1, 2))]), {}, "`rows_per_request` must be 1, .*Received: 64"),
    (_with(inputs=[tensor(shape=(8, 2))]), {"rows_per_request": 8},
     "any number of rows in a request, or one. Received: the input x .*which takes 8 alone"),
    (METADATA, {"input_name": "z"}, "`input_name` must be one of the model's inputs: x .*'z'"),
    (METADATA, {"output_name": "z"}, "`output_name` must be one .*: scores .*'z'"),
    (_with(outputs=[tensor("a"), tensor("b")]), {}, "`output_name` must .*a .*; b .*no name"),
]  # yapf: disable


@each_api
@pytest.mark.parametrize("metadata, changes, message", CHOICES)
def test_an_invalid_choice_is_refused(metadata, changes, message, model):
    with model(metadata) as server, pytest.raises(EndpointError, match=message):
        endpoint_of(server.url, **changes).signature()


@pytest.mark.parametrize("extensions, is_sent", [((), False), (BINARY, True)])
def test_half_precision_needs_the_binary_extension(extensions, is_sent):
    metadata = _with(inputs=[tensor(datatype="FP16")])
    with RestModel(metadata, extensions=extensions) as server:
        endpoint = endpoint_of(server.url)
        if not is_sent:
            with pytest.raises(EndpointError, match="no binary extension. Received: float16"):
                endpoint.signature()
        else:
            assert endpoint.signature().input_dtype == np.float16
            endpoint.predict(X.astype("float16"))
            assert server.asked["inputs"][0]["datatype"] == "FP16"


VERSIONS = [
    # Told in the metadata and in answers, the version of the model, and that of an answer.
    (["2", "10"], "10", "10", "10"),
    (["2", "10"], None, "10", "10"),
    (["2", "10"], "11", "10", "11"),
    (["v1"], None, "v1", "v1"),
    (["v1"], "1", "v1", "v1"),
    (["a", "b"], None, "unknown", "unknown"),
    ([], None, "unknown", "unknown"),
    ([], "3", "unknown", "unknown"),
]


@each_api
@pytest.mark.parametrize("told, answered, version, of_answer", VERSIONS)
def test_the_version(told, answered, version, of_answer, model):
    with model(_with(versions=told), version=answered) as server:
        endpoint = endpoint_of(server.url)
        assert endpoint.version() == version
        assert endpoint.predict(X)[1] == of_answer
        server.version = "4"  # Where answers tell it, another version always shows.
        assert endpoint.predict(X)[1] == "4" or not answered


@each_api
def test_a_pinned_version_is_asked(model):
    with model(version="2") as server:
        endpoint = endpoint_of(f"{server.url}/versions/2")
        assert endpoint.version() == "2" and endpoint.predict(X)[1] == "2"
        if model is RestModel:
            paths = {request.path for request in server.received}
            url = "/v2/models/model/versions/2"
            assert paths == {url, "/v2", f"{url}/infer"}


def test_other_paths_and_a_unix_socket(tmp_path):
    with RestModel(path=tmp_path / "rest") as server:
        assert endpoint_of(server.url).version() == "10"
    with GrpcModel(path=tmp_path / "grpc") as server:
        np.testing.assert_array_equal(endpoint_of(server.url).predict(X)[0], softmax(X))
    with RestModel() as server:
        endpoint = endpoint_of(f"v2+http://{server.address}/team/model/versions/10")
        np.testing.assert_array_equal(endpoint.predict(X)[0], softmax(X))
        assert server.received[-1].path == "/team/model/versions/10/infer"


def _output(**changes):
    return {"name": "scores", "datatype": "FP32", "shape": [3, 2], "data": [0.5] * 6, **changes}


BODIES = [
    (Reply({"error": "no such model"}, 404), EndpointError, "status 404: no such model"),
    (Reply({"error": "no such model"}, 400), EndpointError, "status 400: no such model"),
    (Reply({"error": "no rows"}), EndpointError, "without an error .*status 200: no rows"),
    (Reply([1]), EndpointError, "must answer with outputs"),
    (Reply(b'{"outputs": ['), InDoubtError, "not complete JSON"),
    (Reply({"outputs": [{"name": "scores"}]}), EndpointError, "a name, a datatype, a shape"),
    (Reply({"outputs": [7]}), EndpointError, "a name, a datatype, a shape"),
    (Reply({"outputs": []}), EndpointError, "one of the model's outputs: none"),
    (Reply({"outputs": [_output(name="z")]}), EndpointError, "outputs: z. Received: 'scores'"),
    (Reply({"outputs": [_output(shape=[3, 3])]}), EndpointError, "3 x 3 values.*Received: 6"),
    (Reply({"outputs": [_output(shape=[2, 3])]}), EndpointError, "3 rows. .*shape .2, 3"),
    (Reply({"outputs": [_output(shape=[], data=[1])]}), EndpointError, "Received: shape .."),
    (Reply({"outputs": [_output(data=[[1], [1, 2]])]}), EndpointError, "rows of equal length"),
    (Reply({"outputs": [_output(data=["a"] * 6)]}), EndpointError, "answer with FP32.*: <U1"),
    (Reply({"outputs": [_output(datatype="BF16")]}), EndpointError, "datatypes .*: BF16"),
    (Reply({"outputs": [_output(datatype="BYTES")]}), EndpointError, "answer with BYTES"),
    (Reply({"outputs": [_output(parameters={"binary_data_size": 24}, data=None)]}),
     EndpointError, "3 x 2 values.*Received: 0"),
]  # yapf: disable


@pytest.mark.parametrize("reply, failure, message", BODIES)
def test_other_bodies_than_answers_fail(reply, failure, message):

    def answer(request):
        return reply if request.method == "POST" else Reply(METADATA)

    with ScriptedServer(answer) as server, pytest.raises(failure, match=message):
        endpoint_of(server.url.replace("/v1/", "/v2/")).predict(X)


@pytest.mark.parametrize("content, datatype, message", [
    (b"1234567", "FP32", "answer with FP32, as it says. Received: 7 bytes"),
    (b"\x09\0\0\0ab", "BYTES", "incomplete"),
    (b"\x09\0", "BYTES", "incomplete"),
    (b"", "FP8", "datatypes .*: FP8"),
])
def test_other_bytes_than_tensors_are_refused(content, datatype, message):
    with pytest.raises(EndpointError, match=message):
        tensors.from_bytes(content, datatype, (1,))
