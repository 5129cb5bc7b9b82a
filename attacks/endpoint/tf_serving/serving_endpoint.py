"""What TensorFlow Serving's two protocols have in common."""

import abc
from collections.abc import Callable, Mapping
from typing import TypeVar

from tensorflow.core.protobuf import meta_graph_pb2

from attacks.endpoint.config import EndpointConfig
from attacks.endpoint.endpoint import Endpoint
from attacks.endpoint.endpoint import Signature
from attacks.endpoint.failures import EndpointError
from attacks.endpoint.tf_serving.signature_choice import SignatureChoice
from attacks.endpoint.transport.retrying import retrying

T = TypeVar("T")
_AVAILABLE = "AVAILABLE"


class ServingEndpoint(Endpoint):
    """A model behind TensorFlow Serving's REST or gRPC API.

    Args:
        config: What is asked, and how.
    """

    def __init__(self, config: EndpointConfig):
        super().__init__(config)
        self._choice: SignatureChoice | None = None
        self._version: str | None = None

    def signature(self) -> Signature:
        signatures = self._first(self._ask_signatures)
        self._choice = self._choose(signatures)
        return self._choice.signature

    def version(self) -> str:
        pinned = self.config.address.version
        self._version = self._first(self._ask_version if pinned is None else self._ask_pinned)
        return self._version

    def _choose(self, signatures: Mapping[str, meta_graph_pb2.SignatureDef]) -> SignatureChoice:
        return SignatureChoice.of(signatures, self.config)

    @abc.abstractmethod
    def _ask_signatures(self) -> Mapping[str, meta_graph_pb2.SignatureDef]:
        """Those of the version that is pinned, or of the one that answers now."""

    @abc.abstractmethod
    def _ask_states(self) -> Mapping[int, str]:
        """The state of the version that is pinned, or of each version, as the server names it."""

    def _known(self) -> tuple[SignatureChoice, str]:
        """What was asked before the first row is sent; it is asked now if it was not."""
        if self._choice is None:
            self.signature()
        if self._version is None:
            self.version()
        return self._choice, self._version

    def _ask_version(self) -> str:
        """The version that answers where none is pinned: the highest that is available."""
        try:
            states = self._ask_states()
        except EndpointError as error:
            raise EndpointError("The server must tell the versions of its model, or one be pinned "
                                f"by /versions/VERSION in --oracle. It said: {error}") from None
        available = [version for version, state in states.items() if state == _AVAILABLE]
        if not available:
            raise EndpointError(f"A version of {self.config.address} must be available. Received: "
                                f"{_listed(states)}")
        return str(max(available))

    def _ask_pinned(self) -> str:
        pinned = self.config.address.version
        try:
            states = self._ask_states()
        except EndpointError:
            self._ask_signatures(
            )  # A gateway may hide the states; then this shows that it is there.
            return str(pinned)
        if states.get(pinned) != _AVAILABLE:
            raise EndpointError(f"Version {pinned} of {self.config.address} must be available. "
                                f"Received: {_listed(states)}")
        return str(pinned)

    def _first(self, ask: Callable[[], T]) -> T:
        return retrying(ask, self.config.retry, at_first=True)


def _listed(states):
    return ", ".join(f"{version} {state}" for version, state in sorted(states.items())) or "none"
