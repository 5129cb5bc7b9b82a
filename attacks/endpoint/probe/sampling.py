"""The rows that a probe asks."""

import dataclasses
from typing import Self

import numpy as np

from models.seeds import derive

# The most rows that a probe sends.
MOST_ROWS = 32


@dataclasses.dataclass(frozen=True)
class Plan:
    """How many rows a probe asks.

    Attributes:
        together: Rows that are asked as all others will be.
        alone: How many of them are asked again, each in a request of its own.
        again: The most rows that are asked alone once more.
    """
    together: int
    alone: int
    again: int

    @classmethod
    def within(cls, limit: int | None) -> Self:
        """The plan that sends at most `limit` rows, and at most `MOST_ROWS` in any case.

        It has at least one row: sending it raises the usual error if `max_rows` is reached.
        """
        limit = MOST_ROWS if limit is None else max(1, min(MOST_ROWS, limit))
        alone = limit // 4
        again = min(limit // 6, alone) if limit >= 6 else alone
        return cls(limit - alone - again, alone, again)


def choose_rows(labels: np.ndarray | None, rows: int, count: int) -> np.ndarray:
    """Returns the places of rows in random order, about as many of each class.

    This makes the most frequent class of a sample as rare as possible, so that few rows suffice to
    tell an accuracy from chance.

    Args:
        labels: The true labels `[rows]`, or None if they are not known.
        rows: The number of rows to choose from.
        count: The most rows to choose.
    """
    rng = np.random.default_rng(derive(0, "probe"))
    order = rng.permutation(rows)
    if labels is not None:
        turns, seen = [], {}
        for label in labels[order].tolist():  # Which row of its class each row is.
            turns.append(seen.get(label, 0))
            seen[label] = turns[-1] + 1
        order = order[np.argsort(turns, kind="stable")]
    return rng.permutation(order[:count])
