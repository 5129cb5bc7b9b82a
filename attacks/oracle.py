"""What a thief can query: inputs in, answers out, every distinct row charged to a budget."""

import abc
from collections.abc import Callable
import hashlib

import numpy as np

from models.trainer import SUM_TOLERANCE


class BudgetExceededError(RuntimeError):
    """The thief asked for more distinct rows than the budget allows; the victim was not run."""


class Oracle(abc.ABC):
    """A queryable victim with a budget.

    Each call of `query` goes through four steps:

    1. The rows that this oracle has not been asked before are counted, each distinct row once.
    2. If they exceed what is left of the budget, `BudgetExceededError` is raised and nothing runs.
    3. The victim answers (`answer`), and the answers are checked to be probabilities.
    4. The new rows are charged.

    Args:
        budget: Positive integer, the number of distinct rows that may be asked.
    """

    def __init__(self, budget: int):
        if budget < 1:
            raise ValueError(
                f"`budget` must be a positive number of rows. Received: budget={budget}")
        self.budget = budget
        self._charged: set[bytes] = set()

    @property
    def queries_used(self) -> int:
        """Distinct rows charged so far."""
        return len(self._charged)

    def query(self, inputs: np.ndarray) -> np.ndarray:
        """Answers a batch.

        Args:
            inputs: Array `[n, ...]` in the victim's input range.

        Returns:
            Array `[n, num_classes]` of probabilities, in the order of `inputs`.

        Raises:
            BudgetExceededError: If the new rows exceed the budget. Nothing is charged then.
            ValueError: If the answers are no probabilities.
        """
        new = {_key(row) for row in inputs} - self._charged
        if self.queries_used + len(new) > self.budget:
            raise BudgetExceededError(
                f"the budget is {self.budget} rows, {self.queries_used} are used, "
                f"and {len(new)} new ones were asked for")
        answers = self.answer(inputs)
        _check_probabilities(answers, len(inputs))
        self._charged |= new
        return answers

    @abc.abstractmethod
    def answer(self, inputs: np.ndarray) -> np.ndarray:
        """Runs the victim. Called by `query` alone, once the rows are within the budget."""


class LocalOracle(Oracle):
    """A victim, defended or not, in this process.

    Args:
        predict: Function from inputs `[n, ...]` to probabilities `[n, num_classes]`.
        budget: Positive integer, the number of distinct rows that may be asked.
    """

    def __init__(self, predict: Callable[[np.ndarray], np.ndarray], budget: int):
        super().__init__(budget)
        self._predict = predict

    def answer(self, inputs):
        return self._predict(inputs)


def _key(row: np.ndarray) -> bytes:
    return hashlib.blake2b(np.ascontiguousarray(row).tobytes(), digest_size=16).digest()


def _check_probabilities(answers: np.ndarray, rows: int) -> None:
    if answers.ndim != 2 or len(answers) != rows:
        raise ValueError(f"The oracle must answer {rows} inputs with probabilities of shape "
                         f"({rows}, classes). Received: shape {answers.shape}")
    if not np.all(answers >= 0):  # False for NaN as well
        raise ValueError(
            "The oracle must answer with probabilities, each at least 0. "
            f"Received: a smallest entry of {answers.min()}; does the victim emit logits?")
    sums = answers.sum(axis=1, dtype=np.float64)
    if rows and np.abs(sums - 1).max() > SUM_TOLERANCE:
        raise ValueError("The oracle must answer with probabilities, each row summing to 1. "
                         f"Received: row sums from {sums.min():.4g} to {sums.max():.4g}")
