"""Compares answers as a server sent them."""

import dataclasses
import math

import numpy as np

from models.answers.answers import are_labels

# Kernels for other sizes of a batch, and half precision, differ by less, relative to the largest
# number.
_TOLERANCE = 0.01
# Two answers to one request that differ by less are one answer.
_EQUAL = 1e-4
# A hypothesis is rejected at this level.
_LEVEL = 0.05


@dataclasses.dataclass(frozen=True)
class Scale:
    """When two answers count as equal.

    Attributes:
        largest: The largest number in the answers.
        is_label: Whether they tell the label alone, so that they are equal or not.
    """
    largest: float
    is_label: bool

    @classmethod
    def of(cls, answers: np.ndarray, num_classes: int) -> "Scale":
        """The scale of answers `[rows, numbers]`."""
        finite = np.abs(answers[np.isfinite(answers)])
        is_label = (answers.shape[1] == 1 and num_classes > 2) or are_labels(answers)
        return cls(float(finite.max()) if finite.size else 0.0, is_label)

    @property
    def tolerance(self) -> float:
        """Answers of one deterministic model to one row differ by less, however it is asked."""
        return 0.0 if self.is_label else _TOLERANCE * self.largest

    @property
    def equal(self) -> float:
        """Answers that differ by less are equal."""
        return 0.0 if self.is_label else _EQUAL * self.largest


def distances(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Returns the largest difference in each pair of answers `[..., numbers]`; NaN equals NaN."""
    with np.errstate(invalid="ignore"):
        apart = np.abs(one.astype(np.float64) - other)
    same = (one == other) | (np.isnan(one) & np.isnan(other))
    return np.where(same, 0.0, np.where(np.isnan(apart), np.inf, apart)).max(axis=-1)


def count_swapped(together: np.ndarray, alone: np.ndarray, tolerance: float) -> int:
    """Returns how many rows had the answer of another row of their request.

    Args:
        together: Answers `[n, numbers]` to rows of one request.
        alone: Answers `[m, numbers]` to the first of these rows, each asked alone.
        tolerance: The largest difference between equal answers.
    """
    apart = distances(alone[:, None], together[None])
    own = apart[np.arange(len(alone)), np.arange(len(alone))]
    return int(np.sum((own > tolerance) & (apart.min(axis=1) <= tolerance)))


def is_chance(right: int, count: int, chance: float) -> bool:
    """Whether chance may explain the number of right answers.

    It is a one-sided binomial test at the level 0.05. The result is False if chance could make all
    answers right: such a test decides nothing.

    Args:
        right: The number of right answers.
        count: The number of answers.
        chance: The probability that chance gives the right answer.
    """
    tail = sum(
        math.comb(count, k) * chance**k * (1 - chance)**(count - k)
        for k in range(right, count + 1))
    return chance**count <= _LEVEL < tail
