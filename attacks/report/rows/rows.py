"""Rows of results: what can be asked of them."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from attacks.report.columns.column import Column
from attacks.report.columns.columns import named
from attacks.report.columns.columns import SUMMARY
from attacks.report.rows.readers import is_control
from attacks.report.rows.readers import sees_clean

# The columns that tell one thief from another, one victim, and one replicate of a thief.
THIEF = ("attack", "adversary", "clone_architecture")
VICTIM = ("split_seed", "victim_fingerprint")
REPLICATE = (*VICTIM, "seed")


def agreement(row: dict[str, Any]) -> float:
    """Agreement with the clean victim or, where that is unknown, with the answers as served."""
    return row[agreement_column(row).name]


def agreement_column(row: dict[str, Any]) -> Column:
    """The column that `agreement` takes."""
    is_known = row["agreement_clean"] is not None
    return named(SUMMARY, "agreement_clean" if is_known else "agreement_defended")


def mean_agreement(rows: Iterable[dict[str, Any]]) -> float:
    """The mean of `agreement`."""
    return float(np.mean(list(map(agreement, rows))))


def mean_of(rows: Iterable[dict[str, Any]], column: str) -> float | None:
    """The mean of a column; `None` where a row does not know it."""
    values = [row[column] for row in rows]
    return None if None in values else float(np.mean(values))


def reference(row: dict[str, Any]) -> str:
    """What `agreement` is measured against, in words."""
    return "the endpoint's answers" if row["agreement_clean"] is None else "the clean victim"


def group_rows(rows: Iterable[dict[str, Any]], *columns: str) -> dict[tuple, list[dict[str, Any]]]:
    """Groups rows by the values of columns, in the order of their first occurrence."""
    groups: dict[tuple, list[dict[str, Any]]] = {}
    for row in rows:
        groups.setdefault(tuple(row[column] for column in columns), []).append(row)
    return groups


def distinct(rows: Iterable[dict[str, Any]], column: str) -> list[Any]:
    """The values of a column, each once, in the order of their first occurrence."""
    return list(dict.fromkeys(row[column] for row in rows))


def defences_of(rows: Iterable[dict[str, Any]]) -> list[str]:
    """The defences other than `none`."""
    return [defence for defence in distinct(rows, "defence") if defence != "none"]


def replicates_of(rows: Iterable[dict[str, Any]]) -> set[tuple]:
    """The replicates, each a split, a victim and a seed of the thief."""
    return set(group_rows(rows, *REPLICATE))


def is_thief(row: dict[str, Any]) -> bool:
    """Whether the row is neither of a control nor of a reader that is given clean outputs."""
    return not is_control(row) and not sees_clean(row)


def thieves_only(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows of thieves."""
    return list(filter(is_thief, rows))


def mark(row: dict[str, Any]) -> str:
    """The suffix to the name of a row that is not of a thief; empty for a thief."""
    if is_thief(row):
        return ""
    return " (control)" if is_control(row) else " (no thief)"


def has_several_clones(rows: Iterable[dict[str, Any]]) -> bool:
    """Whether the clones of the rows have several architectures, which names then include."""
    return len(distinct(rows, "clone_architecture")) > 1


def thief_name(row: dict[str, Any], names_clone: bool) -> str:
    """The thief of a row in words, with or without the architecture of its clone."""
    parts = [row["adversary"], row["attack"]]
    if names_clone:
        parts.append(f"{row['clone_architecture']}")
    return ", ".join(parts)
