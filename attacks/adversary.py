"""The base of all adversaries: what the thief makes of the answers."""

import abc

import numpy as np

from attacks.oracle import Oracle


class Adversary(abc.ABC):
    """Turns the oracle's answers into the targets that a clone is trained on.

    The docstring of each adversary says what its thief is assumed to know.

    Attributes:
        needs: `probabilities`, or `labels` where an endpoint that answers with no more will do.
    """
    needs = "probabilities"

    def ask(self, oracle: Oracle, inputs: np.ndarray) -> np.ndarray:
        """Queries the oracle and reads its answers: `[n, ...]` to `[n, num_classes]`."""
        return self.read(oracle.query(inputs))

    @abc.abstractmethod
    def read(self, answers: np.ndarray) -> np.ndarray:
        """Makes targets, rows that sum to one, of answers, both `[n, num_classes]`."""
