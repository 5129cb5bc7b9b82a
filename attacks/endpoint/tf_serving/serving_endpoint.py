"""The base class of the endpoints of TensorFlow Serving's two protocols."""

import abc
from collections.abc import Callable, Mapping
import re
from typing import TypeVar

from tensorflow.core.protobuf import meta_graph_pb2

from attacks.endpoint.config import EndpointConfig
from attacks.endpoint.endpoint import Endpoint
from attacks.endpoint.endpoint import Signature
from attacks.endpoint.endpoint import UNKNOWN_VERSION
from attacks.endpoint.failures import EndpointError
from attacks.endpoint.failures import NotOfferedError
from attacks.endpoint.tf_serving.signature_choice import SignatureChoice
from attacks.endpoint.transport.retrying import retrying

T = TypeVar("T")
_AVAILABLE = "AVAILABLE"
# TensorFlow Serving says so of a model that it does not have; other servers may not have the path.
_NO_MODEL = re.compile("servable not found|could not find any versions", re.IGNORECASE)


class ServingEndpoint(Endpoint):
    """A model behind TensorFlow Serving's REST or gRPC API.

    If a server offers `Predict` alone, as KServe does, the signature is what the auditor tells of
    the model, and the version is unknown unless it is pinned.

    Args:
        config: The endpoint, and how to ask it.
    """

    def __init__(self, config: EndpointConfig):
        super().__init__(config)
        self._choice: SignatureChoice | None = None
        self._version: str | None = None

    def signature(self) -> Signature:
        try:
            self._choice = self._choose(self._first(self._ask_signatures))
        except NotOfferedError as error:
            _check_model(error)
            self._choice = self._untold()
            self.warn_of_guess(error)
        return self._choice.signature

    def version(self) -> str:
        pinned = self.config.address.version
        self._version = self._first(self._ask_version if pinned is None else self._ask_pinned)
        return self._version

    def _choose(self, signatures: Mapping[str, meta_graph_pb2.SignatureDef]) -> SignatureChoice:
        return SignatureChoice.of(signatures, self.config)

    def _untold(self) -> SignatureChoice:
        return SignatureChoice.untold(self.config)

    @abc.abstractmethod
    def _ask_signatures(self) -> Mapping[str, meta_graph_pb2.SignatureDef]:
        """Asks for the signatures of the pinned version, or of the version that answers now."""

    @abc.abstractmethod
    def _ask_states(self) -> Mapping[int, str]:
        """Asks for the state of the pinned version, or of each version, as the server names it."""

    def _known(self) -> tuple[SignatureChoice, str]:
        """Returns the signature and the version, which it asks for at the first call."""
        if self._choice is None:
            self.signature()
        if self._version is None:
            self.version()
        return self._choice, self._version

    def _ask_version(self) -> str:
        """Asks for the version that answers if none is pinned: the highest available one."""
        try:
            states = self._ask_states()
        except NotOfferedError as error:
            _check_model(error)
            return UNKNOWN_VERSION
        except EndpointError as error:
            _check_model(error)
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
            try:
                self._ask_signatures()
            except NotOfferedError as error:
                _check_model(error)
            return str(pinned)
        if states.get(pinned) != _AVAILABLE:
            raise EndpointError("`address` must be of an available version. Received: "
                                f"{self.config.address} with the versions {_listed(states)}")
        return str(pinned)

    def _first(self, ask: Callable[[], T]) -> T:
        return retrying(ask, self.config.retry, at_first=True)


def _check_model(error):
    """Raises the error if it is about the model, and not about what the server offers."""
    if _NO_MODEL.search(str(error)):
        raise error


def _listed(states):
    return ", ".join(f"{version} {state}" for version, state in sorted(states.items())) or "none"
