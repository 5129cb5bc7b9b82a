"""A model behind the Open Inference Protocol's REST API."""

from typing import Any

import numpy as np

from attacks.endpoint.config import EndpointConfig
from attacks.endpoint.endpoint import Signature
from attacks.endpoint.failures import DeniedError
from attacks.endpoint.failures import EndpointError
from attacks.endpoint.failures import NotOfferedError
from attacks.endpoint.transport.http_client import HttpClient
from attacks.endpoint.transport.retrying import retrying
from attacks.endpoint.v2 import rest_tensors
from attacks.endpoint.v2.model_metadata import ModelMetadata
from attacks.endpoint.v2.model_metadata import TensorMetadata
from attacks.endpoint.v2.v2_endpoint import V2Endpoint

_BINARY = "binary_tensor_data"


class RestEndpoint(V2Endpoint):
    """A model behind the Open Inference Protocol's REST API.

    Tensors are sent and received as bytes if the server says that it has the binary extension.

    Args:
        config: The endpoint, and how to ask it.

    Raises:
        ValueError: If a secret cannot be read or sent.
    """

    def __init__(self, config: EndpointConfig):
        super().__init__(config)
        self._client = HttpClient(config)
        self._is_binary = False

    def signature(self) -> Signature:
        signature = super().signature()
        self._is_binary = self._asks_for_binary()
        if signature.input_dtype == np.float16 and not self._is_binary:
            raise EndpointError("`input_name` must name an input of a dtype that JSON has, if the "
                                "endpoint has no binary extension. Received: float16")
        return signature

    def close(self) -> None:
        self._client.close()

    def _ask_metadata(self):
        answer = self._client.get(self.config.address.url)
        try:
            return ModelMetadata(tuple(map(str,
                                           answer.get("versions") or ())),
                                 _tensors(answer.get("inputs")), _tensors(answer.get("outputs")))
        except (AttributeError, KeyError, TypeError, ValueError):
            raise NotOfferedError(
                "The endpoint must tell the inputs and outputs of its model, as "
                "the Open Inference Protocol says. Received: other JSON") from None

    def _infer(self, inputs, signature):
        request, body = rest_tensors.write_request(inputs, signature, self._is_binary)
        headers = rest_tensors.headers(request, self._is_binary)
        told, content = self._client.exchange("POST", f"{self.config.address.url}/infer",
                                              request + body, headers)
        answer, rest = self._split(content, told.get(rest_tensors.LENGTH))
        self._client.refuse_error(answer)
        return rest_tensors.read_outputs(answer, rest), _version(answer)

    def _split(self, content, length):
        """The JSON of an answer, and the bytes after it."""
        end = int(length) if length and length.isdecimal() else len(content)
        return self._client.read(content[:end]), content[end:]

    def _asks_for_binary(self) -> bool:
        """Whether the server has the binary extension, as its own metadata tell."""
        url = self.config.address.url
        root, found, _ = url.rpartition("/models/")
        if not found or not root.endswith("/v2"):
            return False
        try:
            answer = retrying(lambda: self._client.get(root), self.config.retry)
        except DeniedError:
            return False
        return isinstance(answer, dict) and _BINARY in (answer.get("extensions") or ())


def _tensors(told: Any) -> tuple[TensorMetadata, ...]:
    return tuple(
        TensorMetadata(str(each["name"]), str(each["datatype"]), tuple(map(int, each["shape"])))
        for each in told or ())


def _version(answer):
    version = answer.get("model_version")
    return str(version) if version else None
