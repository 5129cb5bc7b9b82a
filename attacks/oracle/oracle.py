"""What a thief can query: inputs in, answers out, every distinct row charged to a budget."""

import abc
import collections
from collections.abc import Callable

import numpy as np

from attacks.oracle.answers import check_probabilities
from attacks.oracle.digest import digest


class BudgetExceededError(RuntimeError):
    """The thief asked for more distinct rows than the budget allows; the victim was not run."""


class Oracle(abc.ABC):
    """A queryable victim with a budget.

    Each call of `query` goes through four steps:

    1. The rows that this oracle has not been asked before are counted, each distinct row once;
       where repeats are asked for, each row, however often it was asked.
    2. If they exceed what is left of the budget, `BudgetExceededError` is raised and nothing runs.
    3. The victim answers (`answer`), and the answers are checked to be probabilities.
    4. The new rows are charged.

    Args:
        budget: Positive integer, the number of distinct rows that may be asked.

    Attributes:
        budget: Likewise.
        queries_used: Rows charged so far.
    """

    def __init__(self, budget: int):
        if budget < 1:
            raise ValueError(
                f"`budget` must be a positive number of rows. Received: budget={budget}")
        self.budget = budget
        self.queries_used = 0
        self._charged: collections.Counter[bytes] = collections.Counter()  # asks by input

    def query(self, inputs: np.ndarray, repeats: bool = False) -> np.ndarray:
        """Answers a batch.

        Args:
            inputs: Array `[n, ...]` in the victim's input range.
            repeats: Whether each row is asked anew and charged, also one that was asked before,
                for victims that do not always give the same answer. Defaults to `False`.

        Returns:
            Array `[n, num_classes]` of probabilities, in the order of `inputs`.

        Raises:
            BudgetExceededError: If the new rows exceed the budget. Nothing is charged then.
            ValueError: If the answers are no probabilities.
        """
        new, asks = collections.Counter(), []
        for key in map(digest, inputs):
            asks.append(self._charged[key] + new[key] if repeats else 0)
            if repeats or key not in self._charged:
                new[key] = new[key] + 1 if repeats else 1
        if self.queries_used + new.total() > self.budget:
            raise BudgetExceededError(
                f"the budget is {self.budget} rows, {self.queries_used} are used, "
                f"and {new.total()} new ones were asked for")
        answers = self.answer(inputs, asks)
        check_probabilities(answers, len(inputs))
        self._charged.update(new)
        self.queries_used += new.total()
        return answers

    @abc.abstractmethod
    def answer(self, inputs: np.ndarray, asks: list[int]) -> np.ndarray:
        """Runs the victim. Called by `query` alone, once the rows are within the budget.

        Args:
            inputs: Array `[n, ...]`.
            asks: For each input, which of its answers is wanted: 0 for the first that this oracle
                gave, n for the n-th repeat.
        """


class LocalOracle(Oracle):
    """A victim, defended or not, in this process.

    Args:
        predict: Function from inputs `[n, ...]` to probabilities `[n, num_classes]`.
        budget: Positive integer, the number of distinct rows that may be asked.
    """

    def __init__(self, predict: Callable[[np.ndarray], np.ndarray], budget: int):
        super().__init__(budget)
        self._predict = predict

    def answer(self, inputs, asks):
        del asks
        return self._predict(inputs)
