"""The gRPC API answers as the V1 loader does, to the bit, and with the codes of the real server."""
import numpy as np
import pytest

from tests.serving import served_model
from tests.serving.loaded import INIT
from tests.serving.loaded import Servable
from tests.serving.saved_models import DEFAULT

pytest.importorskip("tensorflow_serving", reason="tensorflow-serving-api is not installed")
grpc_client = pytest.importorskip("tests.serving.grpc_client")

X = served_model.X


@pytest.fixture(scope="module")
def client(server):
    with grpc_client.GrpcClient(server.grpc_address) as client:
        yield client


@pytest.mark.parametrize("version", [None, 3])
@pytest.mark.parametrize("name", [*served_model.INPUTS, "uneven"])
def test_answers_are_those_of_the_v1_loader(name, version, client, versions):
    """To the bit, types and all, and with the version that gave them."""
    inputs = served_model.INPUTS.get(name, {"x": X})
    answered_by, answers = client.predict(inputs, name, version)
    assert answered_by == (version or 12)
    outputs = Servable(versions / str(answered_by)).run(name, inputs)
    assert set(answers) == set(outputs)
    for key, array in outputs.items():
        assert answers[key].dtype == array.dtype
        np.testing.assert_array_equal(answers[key], array)


def test_the_default_signature_needs_no_name(client):
    inputs = served_model.INPUTS[DEFAULT]
    np.testing.assert_equal(client.predict(inputs), client.predict(inputs, DEFAULT))


def test_what_is_no_number_passes(client):
    _, answers = client.predict({"x": served_model.NOT_FINITE}, "single")
    np.testing.assert_array_equal(answers["y"], served_model.NOT_FINITE)


def test_the_filter_chooses_outputs(client):
    _, answers = client.predict(served_model.INPUTS[DEFAULT], output_filter=["label"])
    assert set(answers) == {"label"}


def test_metadata_tell_the_version_and_the_signatures(client):
    """With the operation that initialises, which is none."""
    version, signatures = client.signatures()
    assert version == 12
    assert set(signatures) == {*served_model.INPUTS, "mean", "uneven", INIT}
    assert set(signatures[DEFAULT].inputs) == {"x", "scale"}
    assert client.signatures(3)[0] == 3


def test_the_status_of_versions(client):
    """Of all of them, the latest first, or of one."""
    assert list(client.states().items()) == [(12, "AVAILABLE"), (3, "AVAILABLE")]
    assert client.states(3) == {3: "AVAILABLE"}


# What is asked, the code, and what the error says.
REFUSED = {
    "signature": (({}, "none"), "FAILED_PRECONDITION", '"none" not found'),
    "version": (({}, "single", 4), "NOT_FOUND", "Specific(model, 4)"),
    "missing": (({}, "single"), "INVALID_ARGUMENT", "required: {x}"),
    "extra": ((dict(x=X, y=X), "single"), "INVALID_ARGUMENT", "Sent extra: {y}"),
    "dtype": ((dict(x=np.float64(X)), "single"), "INVALID_ARGUMENT", "float"),
    "rows": ((dict(x=X, scale=served_model.SCALE[:2]), ""), "INVALID_ARGUMENT", "shapes"),
    "output": ((dict(x=X), "single", None, ["z"]), "INVALID_ARGUMENT", "in signature: z"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_does_not_fit_is_refused(name, client):
    arguments, code, message = REFUSED[name]
    with grpc_client.refused(code) as details:
        client.predict(*arguments)
    assert message in details[0]


def test_another_model_is_not_found(server):
    with grpc_client.GrpcClient(server.grpc_address, "other") as client:
        with grpc_client.refused("NOT_FOUND") as details:
            client.predict({"x": X}, "single")
        assert "Latest(other)" in details[0]
        for method in (client.signatures, client.states):
            with grpc_client.refused("NOT_FOUND"):
                method()


def test_metadata_are_signatures(client):
    with grpc_client.refused("INVALID_ARGUMENT"):
        client.signatures(field="assets")


def test_a_version_that_is_not_there_has_no_status(client):
    with grpc_client.refused("NOT_FOUND"):
        client.states(4)
