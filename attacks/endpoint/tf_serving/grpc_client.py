"""A client of TensorFlow Serving's gRPC API; needs `tensorflow-serving-api`."""

from typing import Any

from google.protobuf import message
from tensorflow_serving.apis import get_model_metadata_pb2
from tensorflow_serving.apis import get_model_status_pb2
from tensorflow_serving.apis import model_service_pb2_grpc
from tensorflow_serving.apis import predict_pb2
from tensorflow_serving.apis import prediction_service_pb2_grpc

from attacks.endpoint.config import EndpointConfig
from attacks.endpoint.failures import NotOfferedError
from attacks.endpoint.transport.grpc_caller import GrpcCaller

_STATE = get_model_status_pb2.ModelVersionStatus.State


class GrpcClient:
    """A client that sends each call once, used by several threads at a time.

    Args:
        config: The endpoint, and how to ask it.

    Raises:
        EndpointError: If a secret cannot be sent.
        ValueError: If a secret cannot be read.
    """

    def __init__(self, config: EndpointConfig):
        self._address = config.address
        self._caller = GrpcCaller(config)
        self._prediction = prediction_service_pb2_grpc.PredictionServiceStub(self._caller.channel)
        self._model = model_service_pb2_grpc.ModelServiceStub(self._caller.channel)

    def predict(self, request: predict_pb2.PredictRequest) -> predict_pb2.PredictResponse:
        """Asks the model, whose name and version are filled in.

        Raises:
            RefusedError, InDoubtError: If the request may be sent again.
            EndpointError: If that would not help.
        """
        return self._call(self._prediction.Predict, request)

    def signatures(self) -> dict[str, Any]:
        """Returns the signatures of the pinned or else the latest version; raises as `predict`."""
        request = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=["signature_def"])
        response = self._call(self._prediction.GetModelMetadata, request)
        signatures = get_model_metadata_pb2.SignatureDefMap()
        try:
            response.metadata["signature_def"].Unpack(signatures)
        except message.DecodeError:
            raise NotOfferedError(
                "The endpoint must tell the signatures of its model, as TensorFlow "
                "Serving does. Received: something else") from None
        return dict(signatures.signature_def)

    def states(self) -> dict[int, str]:
        """Returns the state of the pinned version, or of each version; raises as `predict`."""
        response = self._call(self._model.GetModelStatus,
                              get_model_status_pb2.GetModelStatusRequest())
        return {
            status.version:
                _STATE.Name(status.state) if status.state in _STATE.values() else str(status.state)
            for status in response.model_version_status
        }

    def close(self) -> None:
        """Ends the connection."""
        self._caller.close()

    def _call(self, method, request):
        request.model_spec.name = self._address.name
        if self._address.version is not None:
            request.model_spec.version.value = self._address.version
        return self._caller.call(method, request)
