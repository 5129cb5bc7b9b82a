"""The base class of the endpoints of the Open Inference Protocol."""

import abc

import numpy as np

from attacks.endpoint.config import EndpointConfig
from attacks.endpoint.endpoint import Endpoint
from attacks.endpoint.endpoint import Signature
from attacks.endpoint.endpoint import UNKNOWN_VERSION
from attacks.endpoint.failures import EndpointError
from attacks.endpoint.failures import NotOfferedError
from attacks.endpoint.transport.retrying import retrying
from attacks.endpoint.v2.model_metadata import ModelMetadata


class V2Endpoint(Endpoint):
    """A model behind the Open Inference Protocol (V2), over REST or gRPC.

    The version is the pinned one, the one that answers tell, or the one in the metadata. It is
    unknown if the server tells none before the first row is sent; then an answer whose version
    differs from that of the first answer ends the run.

    Args:
        config: The endpoint, and how to ask it.
    """

    def __init__(self, config: EndpointConfig):
        super().__init__(config)
        self._metadata: ModelMetadata | None = None
        self._signature: Signature | None = None
        self._first_told: str | None = None

    def signature(self) -> Signature:
        self._signature = self._known_metadata().signature(self.config)
        return self._signature

    def version(self) -> str:
        pinned = self.config.address.version
        return str(pinned or self._known_metadata().version() or UNKNOWN_VERSION)

    def called(self, signature: Signature) -> str:
        return f"{signature.input_name}->{signature.output_name or 'the only output'}"

    def predict(self, inputs: np.ndarray) -> tuple[np.ndarray, str]:
        outputs, told = self._infer(inputs, self._signature or self.signature())
        name = self._signature.output_name
        if name not in outputs and (name or len(outputs) != 1):
            raise EndpointError(f"`output_name` must be one of the model's outputs: "
                                f"{', '.join(sorted(outputs)) or 'none'}. Received: "
                                f"{repr(name) if name else 'no name'}")
        array = outputs[name] if name else next(iter(outputs.values()))
        if array.ndim == 0 or len(array) != len(inputs):
            raise EndpointError(f"The endpoint must answer {len(inputs)} inputs with "
                                f"{len(inputs)} rows. Received: shape {array.shape}")
        return self.classes.labels(array), self._version_told(told)

    @abc.abstractmethod
    def _ask_metadata(self) -> ModelMetadata:
        """Asks for the metadata of the model; raises `NotOfferedError` if there are none."""

    @abc.abstractmethod
    def _infer(self, inputs: np.ndarray,
               signature: Signature) -> tuple[dict[str, np.ndarray], str | None]:
        """Sends a batch; returns the outputs by name, and the version if the answer tells it."""

    def _known_metadata(self):
        if self._metadata is None:
            try:
                self._metadata = retrying(self._ask_metadata, self.config.retry, at_first=True)
            except NotOfferedError as error:
                self.warn_of_guess(error)
                self._metadata = ModelMetadata()
        return self._metadata

    def _version_told(self, told):
        """The version of an answer. Names such as 1 and v1 may be of one version."""
        known = self.version()
        if told is None or known.isdecimal() and told.isdecimal():
            return told or known
        self._first_told = self._first_told or told
        return known if told == self._first_told else told
