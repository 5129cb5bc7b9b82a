"""What the thieves of the results read of the answers, and what else they see.

The columns of a row say so. Records older than these columns lack them; for those it is what the
adversary of that name reads now.
"""

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


def is_control(row: dict[str, Any]) -> bool:
    """Whether the model of a row learns from true labels and steals nothing, as `independent`."""
    return _property_of(row, "needs") == "truth"


def _property_of(row, name):
    told = row.get(name)
    return _property(row["adversary"], name) if told is None else told


@functools.cache
def _property(adversary, name):
    try:
        return getattr(ADVERSARIES.make(adversary), name)
    except ValueError:  # One that is not known here.
        return None
