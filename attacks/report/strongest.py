"""Which thief is the strongest: chosen on validation, reported on test."""

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

from attacks.evaluation.agreement import agreement


class Strongest(NamedTuple):
    """A thief, and its mean agreements over the seeds, on validation and on test."""
    validation: float
    agreement: float
    attack: str
    adversary: str

    def __str__(self):
        return f"{self.adversary}, {self.attack}"


def strongest(flat: list[dict[str, Any]],
              defence: str,
              adversary: str | None = None) -> Strongest | None:
    """The thief of the highest mean agreement on the evaluator's validation split.

    One attack and adversary is chosen for all seeds; only those that have the most seeds compete.
    That costs the thief nothing, which favours it: a real one would have to pay for rows to choose
    with.

    Args:
        flat: Rows of one budget, as `attacks.report.report.rows` gives them.
        defence: Whose thieves compete.
        adversary: The only one that competes, or None for all.
    """
    groups = by([
        row for row in flat if row["defence"] == defence and adversary in (None, row["adversary"])
    ], "attack", "adversary")
    most = max(map(len, groups.values()), default=0)
    thieves = [
        Strongest(mean(row["agreement_validation"]
                       for row in rows), mean(map(agreement, rows)), *thief)
        for thief, rows in groups.items()
        if len(rows) == most
    ]
    return max(thieves, key=lambda thief: thief.validation, default=None)


def rows_of_strongest(flat: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows of the strongest thief of each defence and budget; undefended ones alike."""
    chosen = []
    for (defence, _), rows in by(flat, "defence", "budget").items():
        thief = strongest(rows, defence)
        chosen += [
            row for row in rows
            if (row["attack"], row["adversary"]) == (thief.attack, thief.adversary)
        ]
    return chosen


def by(flat: list[dict[str, Any]], *columns: str) -> dict[tuple, list[dict[str, Any]]]:
    """Groups rows by the values of columns, in the order of their first occurrence."""
    groups: dict[tuple, list[dict[str, Any]]] = {}
    for row in flat:
        groups.setdefault(tuple(row[column] for column in columns), []).append(row)
    return groups


def mean(values: Iterable[float]) -> float:
    """The mean, as a Python number."""
    return float(np.mean(list(values)))
