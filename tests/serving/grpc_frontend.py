"""The gRPC API of TensorFlow Serving, on the interfaces of `tensorflow-serving-api`."""
from concurrent import futures
import functools

import grpc
import tensorflow as tf
from tensorflow_serving.apis import get_model_metadata_pb2
from tensorflow_serving.apis import get_model_status_pb2
from tensorflow_serving.apis import model_service_pb2_grpc
from tensorflow_serving.apis import predict_pb2
from tensorflow_serving.apis import prediction_service_pb2_grpc

from tests.serving.status import invalid
from tests.serving.status import ServingError

State = get_model_status_pb2.ModelVersionStatus.State
PREDICT = "/tensorflow.serving.PredictionService/Predict"
THREADS = 16
UNLIMITED = [(f"grpc.max_{way}_message_length", -1) for way in ("receive", "send")]


class GrpcFrontend:
    """Answers for a `ModelServer` while it is entered.

    Args:
        model: The `ModelServer`.
        credentials: The server's, for TLS.

    Attributes:
        address: Host and port.
    """

    def __init__(self, model, credentials=None):
        self._threads = futures.ThreadPoolExecutor(THREADS)
        self._server = grpc.server(self._threads, interceptors=[_RawPredict()], options=UNLIMITED)
        prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(
            _PredictionService(model), self._server)
        model_service_pb2_grpc.add_ModelServiceServicer_to_server(_ModelService(model),
                                                                  self._server)
        where = "127.0.0.1:0"
        port = self._server.add_insecure_port(where) if credentials is None else (
            self._server.add_secure_port(where, credentials))
        self.address = f"127.0.0.1:{port}"

    def __enter__(self):
        self._server.start()
        return self

    def __exit__(self, *_):
        self._server.stop(grace=None).wait()
        self._threads.shutdown()


def answered(method):
    """Turns the errors of a method into gRPC's."""

    @functools.wraps(method)
    def answer(self, request, context):
        try:
            if not request.HasField("model_spec"):
                raise invalid("Missing ModelSpec")
            return method(self, request, context)
        except ServingError as error:
            context.abort(getattr(grpc.StatusCode, error.code), error.message)

    return answer


def wanted(spec):
    """The version that is asked for, None for the latest."""
    if spec.version_label:
        raise invalid(f"Unrecognized servable version label: {spec.version_label}")
    return spec.version.value if spec.HasField("version") else None


class _RawPredict(grpc.ServerInterceptor):
    """Lets Predict answer with bytes, so that they can be cut."""

    def intercept_service(self, continuation, handler_call_details):
        handler = continuation(handler_call_details)
        if handler_call_details.method != PREDICT:
            return handler
        return grpc.unary_unary_rpc_method_handler(handler.unary_unary,
                                                   handler.request_deserializer)


class _PredictionService(prediction_service_pb2_grpc.PredictionServiceServicer):
    """Classify, Regress and MultiInference stay unimplemented."""

    def __init__(self, model):
        self._model = model

    @answered
    def Predict(self, request, context):
        spec = request.model_spec
        fault = self._model.admit("grpc")
        version, servable = self._model.find(spec.name, wanted(spec))
        signature_name = spec.signature_name or tf.saved_model.DEFAULT_SERVING_SIGNATURE_DEF_KEY
        servable.signature(signature_name)
        inputs = {name: as_array(name, tensor) for name, tensor in request.inputs.items()}
        outputs = self._model.run(servable, signature_name, inputs, list(request.output_filter))
        if fault.cut == "reset":  # What gRPC makes of it at the client; no handler can do it.
            raise ServingError("UNAVAILABLE", "Connection reset by peer")
        response = predict_pb2.PredictResponse()
        response.model_spec.name = spec.name
        response.model_spec.signature_name = signature_name
        response.model_spec.version.value = version
        for name, array in outputs.items():
            response.outputs[name].CopyFrom(tf.make_tensor_proto(array))
        answer = response.SerializeToString()
        # Every field of a response has a length, so no shorter answer can be parsed.
        return answer[:-1] if fault.cut else answer

    @answered
    def GetModelMetadata(self, request, context):
        if list(request.metadata_field) != ["signature_def"]:
            raise invalid("GetModelMetadataRequest must specify the metadata_field signature_def, "
                          f"received {list(request.metadata_field)}")
        spec = request.model_spec
        version, servable = self._model.find(spec.name, wanted(spec))
        signatures = get_model_metadata_pb2.SignatureDefMap()
        for name, signature in servable.signature_defs.items():
            signatures.signature_def[name].CopyFrom(signature)
        response = get_model_metadata_pb2.GetModelMetadataResponse()
        response.model_spec.name = spec.name
        response.model_spec.version.value = version
        response.metadata["signature_def"].Pack(signatures)
        return response


class _ModelService(model_service_pb2_grpc.ModelServiceServicer):

    def __init__(self, model):
        self._model = model

    @answered
    def GetModelStatus(self, request, context):
        spec = request.model_spec
        response = get_model_status_pb2.GetModelStatusResponse()
        for version, error in self._model.states(spec.name, wanted(spec)).items():
            status = response.model_version_status.add(
                version=version, state=State.END if error else State.AVAILABLE)
            if error:
                status.status.error_code = tf.errors.UNKNOWN
                status.status.error_message = error
        return response


def as_array(name, tensor):
    try:
        return tf.make_ndarray(tensor)
    except (TypeError, ValueError) as error:
        raise invalid(f"tensor parsing error: {name}") from error
