"""What the thieves of the results read of the answers, and what else they see."""

import functools
from typing import Any

from attacks.grid.registries import ADVERSARIES


def reads_labels_alone(row: dict[str, Any]) -> bool:
    """Whether the thief of a row keeps labels and discards the rest of the answers."""
    return _property_of(row, "keeps") == "labels"


def needs_labels_alone(row: dict[str, Any]) -> bool:
    """Whether an endpoint that answers with labels will do for the thief of a row."""
    return _property_of(row, "needs") == "labels"


def sees_clean(row: dict[str, Any]) -> bool:
    """Whether the reader of a row is given clean outputs of the victim, as no thief is."""
    return bool(_property_of(row, "sees_clean"))


def _property_of(row, name):
    return _property(row["adversary"], name)


@functools.cache
def _property(adversary, name):
    try:
        return getattr(ADVERSARIES.make(adversary), name)
    except ValueError:  # One that is not known here.
        return None
