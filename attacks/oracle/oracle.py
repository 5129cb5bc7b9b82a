"""What a thief can query: inputs in, answers out, every distinct row charged to a budget."""

import abc
import collections
from collections.abc import Callable, Iterator
import hashlib

import numpy as np

from models.answers.answers import check_probabilities


class BudgetExceededError(RuntimeError):
    """The thief asked for more distinct rows than the budget allows; the victim was not run."""


def digest(row: np.ndarray) -> bytes:
    """16 bytes that identify a row: equal only for equal dtype, shape and content."""
    hashed = hashlib.blake2b(f"{row.dtype.str}{row.shape}".encode(), digest_size=16)
    hashed.update(np.ascontiguousarray(row))
    return hashed.digest()


class Oracle(abc.ABC):
    """A queryable victim with a budget.

    A subclass implements `answer`. Each call of `query` goes through five steps:

    1. Every row asks for its first answer or, with `repeats`, for its next one. Answers that this
       oracle has not given yet are new, each counted once.
    2. If the new answers exceed what is left of the budget, `BudgetExceededError` is raised and
       nothing runs.
    3. The victim answers the rows that need a new answer (`answer`), and the answers are checked to
       be probabilities.
    4. The new answers are charged and remembered, so that memory is bounded by the budget.
    5. Every row gets the answer that was paid for. A victim that answers at random therefore gives
       nothing away when a row is asked again.

    Args:
        budget: Positive integer, the number of distinct rows that may be asked.

    Attributes:
        budget: Likewise.
    """

    def __init__(self, budget: int):
        if budget < 1:
            raise ValueError(
                f"`budget` must be a positive number of rows. Received: budget={budget}")
        self.budget = budget
        self._answers: dict[tuple[bytes, int], np.ndarray] = {}
        self._asked: collections.Counter[bytes] = collections.Counter()

    @property
    def queries_used(self) -> int:
        """Rows charged so far."""
        return len(self._answers)

    def query(self, inputs: np.ndarray, repeats: bool = False) -> np.ndarray:
        """Answers a batch.

        Args:
            inputs: Array `[n, ...]` in the victim's input range.
            repeats: Whether each row is asked anew and charged, even one that was asked before, for
                victims that do not always give the same answer. Defaults to `False`.

        Returns:
            Array `[n, num_classes]` of probabilities, in the order of `inputs`.

        Raises:
            BudgetExceededError: If the new rows exceed the budget. Nothing is charged then.
            ValueError: If the answers are not probabilities. Nothing is charged then.
        """
        keys = list(self._keys(inputs, repeats))
        new = {}
        for place, key in enumerate(keys):
            if key not in self._answers:
                new.setdefault(key, place)
        if self.queries_used + len(new) > self.budget:
            raise BudgetExceededError(f"the budget is {self.budget} rows, {self.queries_used} are "
                                      f"used, and {len(new)} new ones were asked for")
        if not keys:  # Only the victim knows the number of classes.
            return self._checked(inputs, [])
        if new:
            rows = inputs if len(new) == len(keys) else inputs[list(new.values())]
            answers = self._checked(rows, [ask for _, ask in new])
            self._answers.update(zip(new, answers, strict=True))
            self._asked.update(row for row, _ in new)
        return np.stack([self._answers[key] for key in keys])

    @abc.abstractmethod
    def answer(self, inputs: np.ndarray, asks: list[int]) -> np.ndarray:
        """Runs the victim. Called by `query` alone, once the rows are within the budget.

        Args:
            inputs: Array `[n, ...]` of rows whose answers are new.
            asks: For each input, which of its answers is wanted: 0 for the first, n for that of the
                n-th repeat.

        Returns:
            Array `[n, num_classes]`.
        """

    def _keys(self, inputs, repeats) -> Iterator[tuple[bytes, int]]:
        """Each row's digest and which of its answers is wanted."""
        in_batch = collections.Counter()
        for row in map(digest, inputs):
            yield row, self._asked[row] + in_batch[row] if repeats else 0
            in_batch[row] += 1

    def _checked(self, inputs, asks):
        answers = np.array(self.answer(inputs, asks))  # A copy: the victim may reuse its own.
        check_probabilities(answers, len(inputs))
        return answers


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
        del asks  # Each run of the victim is another answer.
        return self._predict(inputs)
