"""The base of all endpoints: one request at a time."""

import abc
import dataclasses

import numpy as np

from attacks.endpoint.config import EndpointConfig


@dataclasses.dataclass(frozen=True)
class Signature:
    """What the model takes and gives.

    Attributes:
        input_name, output_name: As the requests name them.
        input_dtype: NumPy dtype that is sent.
        input_shape: Of one input, without the batch; None for a size that is not fixed.
        output_shape: Of one answer, likewise; None where the server does not tell.
    """
    input_name: str
    output_name: str
    input_dtype: np.dtype
    input_shape: tuple[int | None, ...] | None
    output_shape: tuple[int | None, ...] | None


class Endpoint(abc.ABC):
    """A served model.

    The protocol, for every kind of server:

    1. `signature` and `version` say what is there; they are asked before the first row is sent,
       and failures that pass are retried.
    2. `predict` sends one batch, once, from any of several threads at a time, and returns the
       answers with the version that gave them. It raises `RefusedError` or `InDoubtError` where
       the batch may be sent again, and `EndpointError` where that would not help. It never retries:
       whoever sends rows again has to write that down first.
    3. `close` ends the connections.

    No message of an error shows a header that was sent.

    Args:
        config: What is asked, and how.
    """

    def __init__(self, config: EndpointConfig):
        self.config = config

    @abc.abstractmethod
    def signature(self) -> Signature:
        """Asks the server for the signature.

        Raises:
            EndpointError: If there is none such, or more than one input or output can be meant.
        """

    @abc.abstractmethod
    def version(self) -> str:
        """Asks the server for the version that it answers with now."""

    @abc.abstractmethod
    def predict(self, inputs: np.ndarray) -> tuple[np.ndarray, str]:
        """Sends a batch.

        Args:
            inputs: Array `[n, ...]` of the signature's dtype and shape.

        Returns:
            The output as the server gave it, of any dtype and shape, and the version.
        """

    @abc.abstractmethod
    def close(self) -> None:
        """Ends the connections."""
