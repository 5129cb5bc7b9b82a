"""The label survives: the one rule by which `Defence` keeps it, and the proof.

The label of a row y is the lowest index of its largest entry, as the defence receives it. Epsilon
is that of the output's dtype. Of the scores that `perturb` returns for y:

1. Negative entries, and those below the smallest normal number, count as 0. Scores without any mass
   count as uniform.
2. The label gets the highest score of the row. So does an entry of y that equals the largest one,
   unless its score is 0: equal classes stay equal, or are withheld.
3. All others are lowered to (1 - 2 epsilon) times the highest score, where they are above it.
4. The row is divided by its sum and cast to the output's dtype.

A row with a NaN or an infinity, in y or among the scores, becomes NaN. No other row is affected.

Theorem: the label of the output is that of y.

Proof: An entry of y that equals the label has a higher index, and no higher score. All other
scores are below that of the label by 2 epsilon, relatively. The ceiling, the quotient and the cast
are each rounded by at most epsilon / 2; dividing by one sum, or multiplying by its reciprocal,
keeps the order of two entries but for that. Where the output's dtype is the one of the computation
no cast rounds, and where it is narrower the other errors are smaller by a factor of 2^13 or more.
So the others stay below the label by epsilon / 2 or more. (For outputs in float16, 1 / classes must
be a normal number: up to 16,384 classes. The label has at least that score.)

A sigmoid unit is the row (1 - y, y) of two classes. Its label is the side of 1/2 on which y lies:
a score on the other side is set to (1 - 2 epsilon) / 2 or (1 + 2 epsilon) / 2, and where y is 1/2,
so is the score.
"""
import math
from typing import Literal

from keras import ops

from revsig_keras.defences.numerics.indices import first_marked
from revsig_keras.defences.numerics.indices import is_largest
from revsig_keras.defences.numerics.probabilities import mass
from revsig_keras.defences.numerics.probabilities import row_max
from revsig_keras.defences.numerics.probabilities import row_sum
from revsig_keras.defences.numerics.probabilities import Tensor

# What a defence says of the label: `Defence` enforces it; `perturb` keeps it by itself; or neither.
KeepsLabel = Literal["enforced", "by_construction", "no"]


def keep_label(scores: Tensor, y: Tensor, step: float) -> Tensor:
    """Returns the scores of rows of classes as distributions with the labels of `y`.

    Args:
        scores: What `perturb` returned, floating point, with the classes on the last axis.
        y: The rows received, probabilities or logits, of the same shape and dtype.
        step: Float, epsilon of the output's dtype.
    """
    scores, total = mass(scores)
    spoilt = 0.0 * (total + row_sum(ops.where(y < 0.0, 0.0, y)))
    highest = row_max(scores)
    largest = is_largest(y)
    is_level = ops.logical_and(largest, scores > 0.0)
    others = ops.minimum(scores, highest * (1.0 - 2.0 * step))
    # The output's dtype is not tried here: compilers may elide a cast to it and back.
    scores = ops.where(ops.logical_or(first_marked(largest), is_level), highest, others)
    return scores / (row_sum(scores) + spoilt)


def keep_sides(scores: Tensor, y: Tensor, middle: float, step: float) -> Tensor:
    """Returns the scores of sigmoid units as probabilities on the sides of 1/2 that `y` has.

    Args:
        scores: What `perturb` returned, floating point.
        y: The units received, of the same shape and dtype.
        middle: Float, where `y` has no side: 0.5 of probabilities, 0 of logits.
        step: Float, epsilon of the output's dtype.
    """
    above = ops.clip(scores, 0.5 * (1.0 + 2.0 * step), 1.0)
    below = ops.clip(scores, 0.0, 0.5 * (1.0 - 2.0 * step))
    kept = ops.where(y > middle, above, ops.where(y < middle, below, 0.5))
    return ops.where(ops.isnan(y + 0.0 * scores), math.nan, kept)


def is_label(y: Tensor) -> Tensor:
    """Marks the label of each row: the lowest index of its largest entry."""
    return first_marked(is_largest(y))
