"""The base class of the endpoints of TensorFlow Serving's two protocols."""

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
        config: The endpoint, and how to ask it.
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
        """Asks for the signatures of the pinned version, or of the version that answers now."""

    @abc.abstractmethod
    def _ask_states(self) -> Mapping[int, str]:
        """Asks for the state of the pinned version, or of each version, as the server names it."""

    def _known(self) -> tuple[SignatureChoice, str]:
        """Returns the signature and the version, which it asks for if that was not done before."""
        if self._choice is None:
            self.signature()
        if self._version is None:
            self.version()
        return self._choice, self._version

    def _ask_version(self) -> str:
        """Asks for the version that answers if none is pinned: the highest available one."""
        try:
            states = self._ask_states()
        except EndpointError as error:
            raise EndpointError("`address` must end in /versions/VERSION if the server does not "
                                f"tell the versions of its model. Received: {error}") from None
        available = [version for version, state in states.items() if state == _AVAILABLE]
        if not available:
            raise EndpointError("`address` must be of a model with an available version. Received: "
                                f"{self.config.address} with the versions {_listed(states)}")
        return str(max(available))

    def _ask_pinned(self) -> str:
        pinned = self.config.address.version
        try:
            states = self._ask_states()
        except EndpointError:
            # A gateway may hide the states; an answer to this shows that the version is available.
            self._ask_signatures()
            return str(pinned)
        if states.get(pinned) != _AVAILABLE:
            raise EndpointError("`address` must be of an available version. Received: "
                                f"{self.config.address} with the versions {_listed(states)}")
        return str(pinned)

    def _first(self, ask: Callable[[], T]) -> T:
        return retrying(ask, self.config.retry, at_first=True)


def _listed(states):
    return ", ".join(f"{version} {state}" for version, state in sorted(states.items())) or "none"
