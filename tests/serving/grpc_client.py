"""What a client of the gRPC API does; needs `tensorflow-serving-api`."""
import contextlib

import grpc
import tensorflow as tf
from tensorflow_serving.apis import get_model_metadata_pb2
from tensorflow_serving.apis import get_model_status_pb2
from tensorflow_serving.apis import model_service_pb2_grpc
from tensorflow_serving.apis import predict_pb2
from tensorflow_serving.apis import prediction_service_pb2_grpc

TIMEOUT_S = 60


class GrpcClient:
    """Of one model at an address, while it is entered."""

    def __init__(self, address, name="model"):
        self._channel = grpc.insecure_channel(address)
        self._prediction = prediction_service_pb2_grpc.PredictionServiceStub(self._channel)
        self._model = model_service_pb2_grpc.ModelServiceStub(self._channel)
        self._name = name

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._channel.close()

    def predict(self, inputs, signature_name="", version=None, output_filter=()):
        """The version that answered, and arrays by name."""
        request = self._about(predict_pb2.PredictRequest(output_filter=output_filter), version)
        request.model_spec.signature_name = signature_name
        for name, array in inputs.items():
            request.inputs[name].CopyFrom(tf.make_tensor_proto(array))
        response = self._prediction.Predict(request, timeout=TIMEOUT_S)
        outputs = {name: tf.make_ndarray(tensor) for name, tensor in response.outputs.items()}
        return response.model_spec.version.value, outputs

    def signatures(self, version=None, field="signature_def"):
        """The version that answered, and its signatures by name."""
        request = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=[field])
        response = self._prediction.GetModelMetadata(self._about(request, version),
                                                     timeout=TIMEOUT_S)
        signatures = get_model_metadata_pb2.SignatureDefMap()
        response.metadata["signature_def"].Unpack(signatures)
        return response.model_spec.version.value, signatures.signature_def

    def states(self, version=None):
        """The state of each version, by its name."""
        request = get_model_status_pb2.GetModelStatusRequest()
        response = self._model.GetModelStatus(self._about(request, version), timeout=TIMEOUT_S)
        states = get_model_status_pb2.ModelVersionStatus.State
        return {
            status.version: states.Name(status.state) for status in response.model_version_status
        }

    def _about(self, request, version):
        request.model_spec.name = self._name
        if version is not None:
            request.model_spec.version.value = version
        return request


@contextlib.contextmanager
def refused(code):
    """Expects an error of that code; gives what it says."""
    details = []
    try:
        yield details
    except grpc.RpcError as error:
        if error.code() != getattr(grpc.StatusCode, code):
            raise
        details.append(error.details())
    else:
        raise AssertionError(f"expected {code}, but there was an answer")
