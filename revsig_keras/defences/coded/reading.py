"""Reads the label of each row and its doubt: 1 - y_top, summed over the other classes."""
import functools
import math
from typing import NamedTuple

import keras
from keras import ops
import numpy as np

from revsig_keras.defences.numerics.indices import distance_from
from revsig_keras.defences.numerics.indices import first_marked
from revsig_keras.defences.numerics.indices import first_of_largest
from revsig_keras.defences.numerics.indices import is_largest
from revsig_keras.defences.numerics.probabilities import LONG_STAGE
from revsig_keras.defences.numerics.probabilities import row_max
from revsig_keras.defences.numerics.probabilities import row_sum
from revsig_keras.defences.numerics.probabilities import Tensor


class Reading(NamedTuple):
    """What a code may depend on.

    Attributes:
        y: The rows, with their classes on the last axis; one sigmoid unit each.
        distance: 0 for the label of each row, or a unit above 1/2, and 1 for all others.
        others: The sum of the other classes, `(..., 1)`, at least the smallest normal number. This
            or the product of 0 and `total` is NaN in a row with a NaN or an infinity, or whose sum
            overflows.
        total: The sum of all classes, `(..., 1)`, or 1. The doubt is `others` by it.
        label: The index of the label of each row, `(...)`; `None` of units.
    """
    y: Tensor
    distance: Tensor
    others: Tensor
    total: float | Tensor
    label: Tensor | None = None


def read_rows(y: Tensor, from_logits: bool) -> Reading:
    """Reads rows of classes that exclude one another; they need not sum to 1.

    Entries that are negative or below the smallest normal number count as that number, so a row
    without mass is uniform.
    """
    label, tiny = first_of_largest(y), _tiny(y)
    distance = distance_from(label, y.shape[-1], keras.backend.standardize_dtype(y.dtype))
    if from_logits:
        others = row_sum(ops.exp(y - row_max(y)) * distance, LONG_STAGE) + tiny
        return Reading(y, distance, others, others + 1.0, label)
    amounts = ops.maximum(y, tiny)
    others, total = (row_sum(each, LONG_STAGE) for each in (amounts * distance, amounts))
    return Reading(y, distance, others, total, label)


def read_units(y: Tensor, from_logits: bool) -> Reading:
    """Reads sigmoid units: each is the row (1 - y, y), so 1/2 counts as below."""
    if from_logits:
        is_label, doubt = y > 0.0, ops.sigmoid(-ops.abs(y))
    else:
        probabilities = ops.clip(y, 0.0, 1.0)
        is_label, doubt = y > 0.5, ops.minimum(probabilities, 1.0 - probabilities) + 0.0 * y
    return Reading(y, _distance(is_label, y), doubt + _tiny(y), 1.0)


def distances_of_order(reading: Reading, count: int) -> list[Tensor]:
    """Returns the distances from the `count` largest entries of each row, the largest one's first.

    Of equal ones, that of the lowest index comes first.
    """
    distances = [reading.distance]
    while len(distances) < count:
        is_left = functools.reduce(ops.minimum, distances) > 0.0
        others = ops.where(is_left, reading.y, -math.inf)
        is_next = first_marked(ops.logical_and(is_largest(others), is_left))
        distances.append(_distance(is_next, others))
    return distances


def _distance(marked: Tensor, y: Tensor) -> Tensor:
    return 1.0 - ops.cast(marked, y.dtype)


def _tiny(y: Tensor) -> float:
    return float(np.finfo(keras.backend.standardize_dtype(y.dtype)).tiny)
