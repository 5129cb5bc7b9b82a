"""Rows of results: what can be asked of them."""

from typing import Any

from attacks.report.columns import Column
from attacks.report.columns import named
from attacks.report.columns import SUMMARY


def agreement(row: dict[str, Any]) -> float:
    """Agreement with the clean victim or, where that is unknown, with the answers as served."""
    return row[agreement_column(row).name]


def agreement_column(row: dict[str, Any]) -> Column:
    """The column that `agreement` takes."""
    is_known = row["agreement_clean"] is not None
    return named(SUMMARY, "agreement_clean" if is_known else "agreement_defended")


def reference(row: dict[str, Any]) -> str:
    """What `agreement` is measured against, in words."""
    return "the endpoint's answers" if row["agreement_clean"] is None else "the clean victim"


def group_rows(rows: list[dict[str, Any]], *columns: str) -> dict[tuple, list[dict[str, Any]]]:
    """Groups rows by the values of columns, in the order of their first occurrence."""
    groups: dict[tuple, list[dict[str, Any]]] = {}
    for row in rows:
        groups.setdefault(tuple(row[column] for column in columns), []).append(row)
    return groups


def distinct(rows: list[dict[str, Any]], column: str) -> list[Any]:
    """The values of a column, each once, in the order of their first occurrence."""
    return list(dict.fromkeys(row[column] for row in rows))


def defences_of(rows: list[dict[str, Any]]) -> list[str]:
    """The defences other than `none`."""
    return [defence for defence in distinct(rows, "defence") if defence != "none"]
