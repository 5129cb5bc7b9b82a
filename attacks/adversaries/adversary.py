"""The base of all adversaries: what the thief makes of the answers."""

import abc
import dataclasses

import numpy as np

from attacks.clone.clone import Clone
from attacks.clone.clone import Course
from attacks.clone.transfer_set import TransferSet
from attacks.oracle.oracle import Oracle
from models.data.streamed import Inputs


@dataclasses.dataclass(frozen=True, eq=False)
class Known:
    """What a thief knows besides the answers; the docstring of an adversary says what it uses.

    Attributes:
        defence: The member that is deployed, as written, or `as_served`, which says nothing.
        pool: Unlabelled inputs `[rows, ...]` that the thief has by its attack, which may be none
            but those that it asks.
        seed: The thief's seed.
    """
    defence: str
    pool: Inputs
    seed: int


class Adversary(abc.ABC):
    """Turns the oracle's answers into a clone.

    The protocol, for every adversary:

    1. `unfit` says why it means nothing against a defence, `check` refuses a shape of inputs that
       it cannot use, both before anything is asked.
    2. `ask` queries the oracle, `rows_per_input` rows for each input, all of them charged.
    3. `read` makes targets of the answers, as they come. It is all that an attack gets to see.
    4. `train` makes a clone of all that was answered: by default on the targets that were read.

    The docstring of each adversary says what its thief is assumed to know.

    Attributes:
        needs: `probabilities`, or `labels` where an endpoint that answers with no more will do.
        rows_per_input: How many rows it asks, and pays for, per input.
    """
    needs = "probabilities"
    rows_per_input = 1

    def unfit(self, defence: str) -> str | None:
        """Why this adversary means nothing against a defence, as written, or None."""
        del defence

    def check(self, input_shape: tuple[int, ...]) -> None:
        """Raises `ValueError` if it cannot use inputs of this shape."""
        del input_shape

    def ask(self, oracle: Oracle, inputs: np.ndarray, seed: int) -> np.ndarray:
        """Queries the oracle: `[n, ...]` to answers `[n, num_classes]`."""
        del seed
        return oracle.query(inputs)

    @abc.abstractmethod
    def read(self, answers: np.ndarray, known: Known) -> np.ndarray:
        """Makes targets, rows that sum to one, of answers, both `[n, num_classes]`."""

    def train(self, stolen: TransferSet, known: Known, course: Course) -> Clone:
        """Trains a clone on all that was answered."""
        del known
        return course.train(stolen)
