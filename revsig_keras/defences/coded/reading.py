"""Reads the label of each row and its doubt: 1 - y_top, summed over the other classes."""
import math
from typing import NamedTuple

import keras
from keras import ops
import numpy as np

from revsig_keras.defences.label_rule import first_index
from revsig_keras.defences.label_rule import first_marked
from revsig_keras.defences.numerics.probabilities import LONG_STAGE
from revsig_keras.defences.numerics.probabilities import row_max
from revsig_keras.defences.numerics.probabilities import row_sum
from revsig_keras.defences.numerics.probabilities import Tensor


class Reading(NamedTuple):
    """What a code may depend on.

    Attributes:
        y: The rows, with their classes on the last axis; one sigmoid unit each.
        is_label: Boolean, marks the label of each row; a unit above 1/2.
        doubt: One number per row in [0, 1]; any of a spoilt one.
        spoilt: 0, or NaN for a row that is spoilt.
        label: The index of the label of each row, perhaps too large for a spoilt one; `None` of
            units.
    """
    y: Tensor
    is_label: Tensor
    doubt: Tensor
    spoilt: Tensor
    label: Tensor | None = None


def read_rows(y: Tensor, from_logits: bool) -> Reading:
    """Reads rows of classes that exclude one another; they need not sum to 1.

    Entries that are negative or below the smallest normal number count as that number, so a row
    without mass is uniform.
    """
    top = row_max(y)
    label = first_index(ops.equal(y, top))
    is_label = ops.equal(np.arange(y.shape[-1], dtype="int32"), label)
    if from_logits:
        amounts, amount = ops.exp(y - top), 1.0
    else:
        tiny = float(np.finfo(keras.backend.standardize_dtype(y.dtype)).tiny)
        amounts, amount = ops.maximum(y, tiny), ops.maximum(top, tiny)
    others = row_sum(ops.where(is_label, 0.0, amounts), LONG_STAGE)
    total = others + amount
    # Compilers may lose a NaN in a maximum, but not in a sum.
    spoilt = 0.0 * (total + top if from_logits else total)
    return Reading(y, is_label, others / total, spoilt, label)


def read_units(y: Tensor, from_logits: bool) -> Reading:
    """Reads sigmoid units: each is the row (1 - y, y), so 1/2 counts as below."""
    if from_logits:
        return Reading(y, y > 0.0, ops.sigmoid(-ops.abs(y)), 0.0 * ops.sigmoid(y))
    probabilities = ops.clip(y, 0.0, 1.0)
    return Reading(y, y > 0.5, ops.minimum(probabilities, 1.0 - probabilities), 0.0 * y)


def marks_of_order(reading: Reading, count: int) -> list[Tensor]:
    """Marks the `count` largest entries of each row, one by one; of equal ones the lowest index."""
    marks = [reading.is_label]
    taken = reading.is_label
    while len(marks) < count:
        others = ops.where(taken, -math.inf, reading.y)
        is_largest = ops.logical_and(ops.equal(others, row_max(others)), ops.logical_not(taken))
        marks.append(first_marked(is_largest))
        taken = ops.logical_or(taken, marks[-1])
    return marks
