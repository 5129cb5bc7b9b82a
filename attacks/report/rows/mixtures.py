"""Comparisons of cells that were made with different data, code, versions or hardware."""

import collections
from typing import Any

from attacks.report.columns.columns import SUMMARY

_ORIGINS = {column.name: column.origin for column in SUMMARY if column.origin}
_SHORT = 7  # characters of a commit


def mixture(rows: list[dict[str, Any]]) -> str:
    """What differs in the origin of rows, such as `2 commits, 2 processors`; empty for nothing."""
    return ", ".join(f"{len(counts)} {_ORIGINS[column]}" for column, counts in _mixed(rows))


def mixture_sentences(rows: list[dict[str, Any]]) -> str:
    """Sentences that name the origins which rows mix; empty where all rows have one origin.

    An unknown commit counts as one more; what else an older record does not tell is left out.
    """
    sentences = []
    for column, counts in _mixed(rows):
        named = "; ".join(f"{origin or 'none'} ({count} cell{'s' * (count > 1)})"
                          for origin, count in sorted(counts.items()))
        sentences.append(f"Cells of {len(counts)} {_ORIGINS[column]} are compared: {named}.")
    return " ".join(sentences)


def _mixed(rows):
    """Pairs of a column and its counts of rows by value, where there are several values."""
    for column in _ORIGINS:
        counts = collections.Counter(row[column] for row in rows)
        unknown = counts.pop(None, 0)
        if column == "commit":
            counts = _shortened(counts)
            counts.update({"unknown": unknown} if unknown else {})
        if len(counts) > 1:
            yield column, counts


def _shortened(counts):
    """Counts by commits of a few characters, and `+changes` where files differed."""
    short = collections.Counter()
    for commit, count in counts.items():
        revision, plus, changes = commit.partition("+")
        short[revision[:_SHORT] + plus + changes] += count
    return short
