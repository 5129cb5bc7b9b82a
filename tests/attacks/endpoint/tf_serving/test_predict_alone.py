"""Servers that offer `Predict` alone: no metadata, no versions."""
from concurrent import futures

import grpc
import numpy as np
import pytest

from attacks.endpoint.failures import DeniedError
from attacks.endpoint.failures import EndpointError
from attacks.endpoint.settings.declared_model import DeclaredModel
from tests.attacks.endpoint.scripted import Reply
from tests.attacks.endpoint.scripted import ScriptedServer
from tests.attacks.endpoint.served import endpoint_of
from tests.attacks.endpoint.served import HAS_GRPC

X = np.float32([[0.5, 0.25], [0.125, 1]])
SCORES = [[0.5, 0.5], [0.25, 0.75]]


def serve(predictions, status=404, key="predictions"):
    """A server that answers `:predict` alone, as KServe does."""

    def answer(request):
        if request.method == "GET":
            return Reply({"detail": "Not Found"}, status)
        return Reply({key: predictions})

    return ScriptedServer(answer)


@pytest.mark.parametrize("status", [403, 404, 405, 410, 501])
def test_inputs_are_of_float32_and_the_version_is_unknown(status, caplog):
    with serve(SCORES, status) as server:
        endpoint = endpoint_of(server.url)
        signature = endpoint.signature()
        assert (signature.input_dtype, signature.input_shape) == (np.float32, None)
        assert endpoint.version() == "unknown"
        answers, version = endpoint.predict(X)
    assert version == "unknown" and answers.tolist() == SCORES
    assert server.received[-1].json == {"instances": X.tolist()}
    assert "float32, and the shape is that of the data. " in caplog.text
    assert f"Received: status {status}" in caplog.text


@pytest.mark.parametrize("changes, request_json, predictions", [
    ({"request_format": "column"}, {"inputs": X.tolist()}, SCORES),
    ({"input_name": "x"}, {"instances": [{"x": row} for row in X.tolist()]}, SCORES),
    ({"input_name": "x", "request_format": "column"}, {"inputs": {"x": X.tolist()}}, SCORES),
    ({"signature": "other"}, {"signature_name": "other", "instances": X.tolist()}, SCORES),
    ({}, {"instances": X.tolist()}, [{"scores": row} for row in SCORES]),
    ({"output_name": "p"}, {"instances": X.tolist()}, [{"p": row, "label": 1} for row in SCORES]),
])  # yapf: disable
def test_forms_of_requests_and_answers(changes, request_json, predictions):
    key = "outputs" if "request_format" in changes else "predictions"
    with serve(predictions, key=key) as server:
        answers, _ = endpoint_of(server.url, **changes).predict(X)
        assert answers.tolist() == SCORES and server.received[-1].json == request_json


def test_the_auditor_tells_shape_dtype_and_classes(tmp_path):
    (tmp_path / "names.txt").write_text("cat\ndog\n")
    model = DeclaredModel("uint8", (2, 1), str(tmp_path / "names.txt"))
    with serve(["dog", "cat"]) as server:
        endpoint = endpoint_of(server.url, model=model)
        signature = endpoint.signature()
        assert (signature.input_dtype, signature.input_shape) == (np.uint8, (2, 1))
        answers, _ = endpoint.predict(np.uint8([[1, 2], [3, 4]]))
        assert answers.tolist() == [1, 0] and answers.dtype == np.int64
    with serve(["cow", "cat"]) as server, pytest.raises(EndpointError, match="class 'cow', which"):
        endpoint_of(server.url, model=model).predict(X)


@pytest.mark.parametrize("predictions, message", [
    ([{"p": [1], "label": 1}] * 2, "`output_name` must be one of the outputs: label, p. Received"),
    ([{}] * 2, "`output_name` must be one of the outputs: none"),
    ([[1], [1, 2]], "rows of equal length"),
    ([[None]] * 2, "must answer with strings"),
])  # yapf: disable
def test_other_answers_are_refused(predictions, message):
    with serve(predictions) as server, pytest.raises(EndpointError, match=message):
        endpoint_of(server.url).predict(X)


@pytest.mark.parametrize("status", [401, 302, 500])
def test_other_failures_are_not_a_lack_of_metadata(status):
    with serve(SCORES, status) as server, pytest.raises(EndpointError, match=f"status {status}"):
        endpoint_of(server.url).signature()


@pytest.mark.skipif(not HAS_GRPC, reason="tensorflow-serving-api is not installed")
def test_over_grpc():
    """The input has to be named, an output among several as well."""
    import tensorflow as tf
    from tensorflow_serving.apis import predict_pb2
    asked = []

    def predict(request, context):
        asked.append(request)
        response = predict_pb2.PredictResponse()
        response.outputs["scores"].CopyFrom(tf.make_tensor_proto(SCORES, "float32"))
        if request.model_spec.name == "several":
            response.outputs["label"].CopyFrom(tf.make_tensor_proto([1, 1]))
        return response

    method = grpc.unary_unary_rpc_method_handler(predict, predict_pb2.PredictRequest.FromString,
                                                 predict_pb2.PredictResponse.SerializeToString)
    service = "tensorflow.serving.PredictionService"
    handler = grpc.method_handlers_generic_handler(service, {"Predict": method})
    server = grpc.server(futures.ThreadPoolExecutor(1), [handler])
    address = f"grpc://127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    server.start()
    with pytest.raises(EndpointError, match="`input_name` must be given"):
        endpoint_of(f"{address}/model").signature()
    endpoint = endpoint_of(f"{address}/model", input_name="x")
    assert endpoint.signature().input_dtype == np.float32 and endpoint.version() == "unknown"
    assert endpoint.predict(X)[0].tolist() == SCORES and list(asked[0].inputs) == ["x"]
    with pytest.raises(EndpointError, match="`output_name` must be .*: label, scores"):
        endpoint_of(f"{address}/several", input_name="x").predict(X)
    named = endpoint_of(f"{address}/several/versions/3", input_name="x", output_name="scores")
    assert named.predict(X)[1] == named.version() == "3"
    server.stop(None).wait()


def test_a_model_that_the_server_says_it_lacks_is_refused():
    reply = Reply({"error": "Servable not found for request"}, 404)
    with ScriptedServer(lambda request: reply) as server:
        with pytest.raises(DeniedError, match="Servable not found"):
            endpoint_of(server.url).signature()
