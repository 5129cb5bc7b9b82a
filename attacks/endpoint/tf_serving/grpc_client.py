"""A client of TensorFlow Serving's gRPC API; needs `tensorflow-serving-api`."""

import pathlib
from typing import Any

from google.protobuf import message
import grpc
from tensorflow_serving.apis import get_model_metadata_pb2
from tensorflow_serving.apis import get_model_status_pb2
from tensorflow_serving.apis import model_service_pb2_grpc
from tensorflow_serving.apis import predict_pb2
from tensorflow_serving.apis import prediction_service_pb2_grpc

from attacks.endpoint.config import CONNECT_TIMEOUT_S
from attacks.endpoint.config import EndpointConfig
from attacks.endpoint.failures import EndpointError
from attacks.endpoint.transport import grpc_failures
from attacks.endpoint.transport.redaction import Redaction

_STATE = get_model_status_pb2.ModelVersionStatus.State


class GrpcClient:
    """A client that sends each call once, used by several threads at a time.

    Args:
        config: The address, the secrets, and the time that an answer may take.

    Raises:
        EndpointError: If a secret cannot be sent.
        ValueError: If a secret cannot be read.
    """

    def __init__(self, config: EndpointConfig):
        headers = config.secret_headers()
        self._redact = Redaction(headers)
        self._metadata = _metadata(headers)
        self._timeout_s = config.timeout_s
        self._retried = config.retry.statuses
        self._address = config.address
        self._channel = _channel(config)
        self._prediction = prediction_service_pb2_grpc.PredictionServiceStub(self._channel)
        self._model = model_service_pb2_grpc.ModelServiceStub(self._channel)

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
            raise EndpointError("The endpoint must tell the signatures of its model, as TensorFlow "
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
        self._channel.close()

    def _call(self, method, request):
        request.model_spec.name = self._address.name
        if self._address.version is not None:
            request.model_spec.version.value = self._address.version
        try:
            return method(request, timeout=self._timeout_s, metadata=self._metadata)
        except grpc.RpcError as error:
            raise grpc_failures.of(error.code().name, self._redact(error.details() or ""),
                                   self._retried) from None


def _metadata(headers):
    """Metadata: names in lower case, and bytes as values of names that end in `-bin`."""
    named = [(name.lower(), value) for name, value in headers.items()]
    return [(name, value.encode() if name.endswith("-bin") else value) for name, value in named]


def _channel(config):
    connect_s = min(CONNECT_TIMEOUT_S, config.timeout_s)
    options = [
        ("grpc.max_receive_message_length", -1),
        ("grpc.max_send_message_length", -1),
        ("grpc.enable_retries", 0),
        # The time in which a connection must be made.
        ("grpc.min_reconnect_backoff_ms", max(1, int(1000 * connect_s))),
    ]
    host = config.address.host
    if not config.address.uses_tls:
        return grpc.insecure_channel(host, options)
    certificates = config.ca_file and pathlib.Path(config.ca_file).read_bytes()
    return grpc.secure_channel(host, grpc.ssl_channel_credentials(certificates), options)
