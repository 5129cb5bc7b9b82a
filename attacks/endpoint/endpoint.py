"""The base class of endpoints."""

import abc
import dataclasses
import importlib
import logging

import numpy as np

from attacks.endpoint.class_names import ClassNames
from attacks.endpoint.config import EndpointConfig
from attacks.endpoint.failures import EndpointError

_LOG = logging.getLogger(__name__)

# The version of a model whose server tells none.
UNKNOWN_VERSION = "unknown"


@dataclasses.dataclass(frozen=True)
class Signature:
    """The input and the output of a model.

    Attributes:
        input_name, output_name: Their names in requests, empty where the protocol has none or the
            server tells none.
        input_dtype: NumPy dtype of the inputs.
        input_shape: Shape of one input, with None for a size that is not fixed; None if the server
            does not tell.
        output_shape: Shape of one answer, likewise.
        input_range: The pair (lowest, highest) that the form of the requests implies, as that of an
            image does, or None.
    """
    input_name: str
    output_name: str
    input_dtype: np.dtype
    input_shape: tuple[int | None, ...] | None
    output_shape: tuple[int | None, ...] | None
    input_range: tuple[float, float] | None = None


class Endpoint(abc.ABC):
    """A served model.

    The protocol, for every kind of server:

    1. `signature` and `version` ask what the server offers, before the first row is sent. They
       retry after failures that pass.
    2. `predict` sends one batch once, and returns the answers with the version that gave them. It
       may be called from several threads at a time. It raises `RefusedError` or `InDoubtError` if
       the batch may be sent again, and `EndpointError` if that would not help: `DeniedError` if
       the model did not run. It never retries: its caller first has to write down that the rows
       are sent again.
    3. If an answer does not tell its version, `version_now` asks for it once the answer is on disk.
    4. `close` ends the connections.

    No error message contains a header that was sent. A new kind of server is a subclass and a row
    in `attacks.endpoint.protocols`.

    Args:
        config: The endpoint, and how to ask it.

    Attributes:
        config: Likewise; `rows_per_request` is 1 where a request has one row.
        classes: The names of classes that the auditor gives.

    Raises:
        ValueError: If the names cannot be read.
    """

    def __init__(self, config: EndpointConfig):
        self.config = config
        self.classes = ClassNames(config.model.names(), config.model.in_class_order)

    @abc.abstractmethod
    def signature(self) -> Signature:
        """Asks the server for the signature.

        Raises:
            EndpointError: If the server has no such signature, or the input or the output is
                ambiguous.
        """

    @abc.abstractmethod
    def version(self) -> str:
        """Asks the server which version answers now; `UNKNOWN_VERSION` if it does not tell."""

    @abc.abstractmethod
    def predict(self, inputs: np.ndarray) -> tuple[np.ndarray, str | None]:
        """Sends a batch.

        Args:
            inputs: Array `[n, ...]` of the signature's dtype and shape.

        Returns:
            The output as the server sent it, of any dtype and shape, with labels in place of the
            names of classes that the auditor gives; and the version, None if the answer does not
            tell it, no version is pinned, and `version_now` can ask for it.
        """

    def version_now(self) -> str | None:
        """Asks which version answers, after answers that do not tell; None if nobody can say."""
        return None

    @abc.abstractmethod
    def close(self) -> None:
        """Ends the connections."""

    def subject(self, signature: Signature) -> str:
        """Returns the name of the model in the ledger, which never mixes answers of two names."""
        parts = (str(self.config.address), self.called(signature), str(self.classes))
        return " ".join(part for part in parts if part)

    def called(self, signature: Signature) -> str:
        """Returns what is called at the address, as part of the name of the model."""
        return f"{self.config.signature}:{signature.input_name}->{signature.output_name}"

    def warn_of_guess(self, error: Exception) -> None:
        """Logs that the input is configured or assumed, since the server does not tell it."""
        _LOG.warning(
            "The endpoint does not tell what the inputs of its model are: the dtype is %s, and the "
            "shape is that of %s. %s", self.config.model.input_dtype or "float32",
            self.config.model.input_shape or "the data", error)


def check_fixed_batch(rows: int, config: EndpointConfig, model: str) -> None:
    """Checks the number of rows that a model takes in a request, where it takes no other.

    Args:
        rows: The number.
        config: The endpoint, and how to ask it.
        model: What takes them, for the message.

    Raises:
        EndpointError: Unless every request has that many. Requests of more than one row do not:
            rows are also asked alone, and the last ones are as many as are left.
    """
    if rows != 1:
        raise EndpointError(
            "`address` must be of a model that takes any number of rows in a request, or one. "
            f"Received: {model}, which takes {rows} alone; a client in Python can fill requests up")
    if config.rows_per_request != 1:
        raise EndpointError(f"`rows_per_request` must be 1, the only number that {model} takes. "
                            f"Received: {config.rows_per_request}")


def connect(config: EndpointConfig) -> Endpoint:
    """Makes the endpoint of an address; nothing is sent yet.

    Raises:
        EndpointError: If the protocol needs a package that is not installed.
        ValueError: If a secret cannot be read or sent.
    """
    protocol = config.address.protocol
    module, _, name = protocol.endpoint.rpartition(".")
    try:
        endpoint = getattr(importlib.import_module(module), name)
    except ImportError as error:
        if not protocol.extra:
            raise
        raise EndpointError(f"{config.address.scheme}:// needs pip install "
                            f"'revsig_keras[{protocol.extra}]'. Received: {error}") from error
    return endpoint(config)
