"""A model behind TensorFlow Serving's REST API."""

from google.protobuf import json_format
import numpy as np
from tensorflow.core.protobuf import meta_graph_pb2

from attacks.endpoint.config import EndpointConfig
from attacks.endpoint.endpoint import UNKNOWN_VERSION
from attacks.endpoint.failures import EndpointError
from attacks.endpoint.failures import NotOfferedError
from attacks.endpoint.tf_serving import rest_json
from attacks.endpoint.tf_serving.serving_endpoint import ServingEndpoint
from attacks.endpoint.transport.http_client import HttpClient
from attacks.endpoint.transport.retrying import retrying


class RestEndpoint(ServingEndpoint):
    """A model behind TensorFlow Serving's REST API.

    Its answers do not tell their version. If no version is pinned, `version_now` asks the server
    for it. If the server cannot tell then, the version is taken to be the same as before, so that
    no answer that was paid for is lost.

    Args:
        config: The endpoint, and how to ask it.

    Raises:
        ValueError: If a secret cannot be read or sent.
    """

    def __init__(self, config: EndpointConfig):
        super().__init__(config)
        self._client = HttpClient(config)

    def predict(self, inputs: np.ndarray) -> tuple[np.ndarray, str | None]:
        choice, version = self._known()
        form = self.config.request_format
        request = rest_json.write_request(inputs, choice, self.config.signature, form)
        answer = self._client.post(f"{self.config.address.url}:predict", request)
        self._client.refuse_error(answer)
        outputs = rest_json.read_answer(answer, choice, len(inputs), form)
        is_told = self.config.address.version is not None or version == UNKNOWN_VERSION
        return self.classes.labels(outputs), version if is_told else None

    def version_now(self) -> str | None:
        try:
            version = retrying(self._ask_version, self.config.retry)
        except EndpointError:
            return None
        return None if version == UNKNOWN_VERSION else version

    def close(self) -> None:
        self._client.close()

    def _choose(self, signatures):
        choice = super()._choose(signatures)
        rest_json.check_input_dtype(choice.signature.input_dtype)
        return choice

    def _ask_signatures(self):
        answer = self._client.get(f"{self.config.address.url}/metadata")
        try:
            signatures = answer["metadata"]["signature_def"]["signature_def"].items()
            return {
                name:
                    json_format.ParseDict(signature,
                                          meta_graph_pb2.SignatureDef(),
                                          ignore_unknown_fields=True)
                for name, signature in signatures
            }
        except (AttributeError, KeyError, TypeError, json_format.ParseError):
            raise NotOfferedError(
                "The endpoint must tell the signatures of its model, as TensorFlow "
                "Serving does. Received: other JSON") from None

    def _ask_states(self):
        answer = self._client.get(self.config.address.url)
        try:
            return {
                int(status["version"]): str(status["state"])
                for status in answer["model_version_status"]
            }
        except (KeyError, TypeError, ValueError):
            raise NotOfferedError("The endpoint must tell the states of its model, as TensorFlow "
                                  "Serving does. Received: other JSON") from None
