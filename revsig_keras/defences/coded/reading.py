"""Reads the label of each row and its doubt: 1 - y_top, summed over the other classes."""
import math
from typing import NamedTuple

from keras import ops

from revsig_keras.defences.label_rule import first_index
from revsig_keras.defences.label_rule import first_marked
from revsig_keras.defences.numerics.probabilities import row_sum
from revsig_keras.defences.numerics.probabilities import Tensor


class Reading(NamedTuple):
    """What a code may depend on.

    Attributes:
        y: The rows, with their classes on the last axis; sigmoid units.
        is_label: Boolean, marks the label of each row; of units, those above 1/2.
        doubt: One number per row (or unit) in [0, 1]; NaN of one that is spoilt.
        label: The index of the label of each row, any of a spoilt one; `None` of units.
    """
    y: Tensor
    is_label: Tensor
    doubt: Tensor
    label: Tensor | None = None


def read_rows(y: Tensor, from_logits: bool) -> Reading:
    """Reads rows of classes that exclude one another; they need not sum to 1.

    Negative entries count as 0, and a row without mass as uniform.
    """
    classes = y.shape[-1]
    # With `initial`, batches may be empty.
    top = ops.max(y, axis=-1, keepdims=True, initial=-math.inf)
    label = first_index(ops.equal(y, top))
    is_label = ops.equal(ops.arange(classes), label)
    amounts = ops.exp(y - top) if from_logits else ops.relu(y)
    others = row_sum(ops.where(is_label, 0.0, amounts))
    total = others + (1.0 + 0.0 * top if from_logits else ops.relu(top))
    is_empty = ops.equal(total, 0.0)
    doubt = ops.where(is_empty, 1.0 - 1.0 / classes, others / ops.where(is_empty, 1.0, total))
    # An infinite total is that of a spoilt row.
    return Reading(y, is_label, doubt + 0.0 * total, ops.minimum(label, classes - 1))


def read_units(y: Tensor, from_logits: bool) -> Reading:
    """Reads sigmoid units: each is the row (1 - y, y), so 1/2 counts as below."""
    if from_logits:
        return Reading(y, y > 0.0, ops.sigmoid(-ops.abs(y)))
    y = ops.clip(y, 0.0, 1.0) + 0.0 * y
    return Reading(y, y > 0.5, ops.minimum(y, 1.0 - y))


def marks_of_order(reading: Reading, count: int) -> list[Tensor]:
    """Marks the `count` largest entries of each row, one by one; of equal ones the lowest index."""
    marks = [reading.is_label]
    taken = reading.is_label
    while len(marks) < count:
        others = ops.where(taken, -math.inf, reading.y)
        largest = ops.max(others, axis=-1, keepdims=True, initial=-math.inf)
        is_largest = ops.logical_and(ops.equal(others, largest), ops.logical_not(taken))
        marks.append(first_marked(is_largest))
        taken = ops.logical_or(taken, marks[-1])
    return marks
