"""Rows of classes that exclude one another, read for the Reverse Sigmoid.

Where nothing fuses operations, each one is a pass over the batch. So there are few over all
entries, and what decides a row is computed on three of its entries, in one tensor. Where a batch is
small, it is the code of each kind of operation that takes the time, since a model leaves none of it
in the caches. So there are few kinds: probabilities need no `where`, whose code takes the longest.
"""
import math
from typing import NamedTuple

import keras
from keras import ops
import numpy as np

from revsig_keras.defences.numerics.probabilities import largest
from revsig_keras.defences.numerics.probabilities import LONG_STAGE
from revsig_keras.defences.numerics.probabilities import row_max
from revsig_keras.defences.numerics.probabilities import row_min
from revsig_keras.defences.numerics.probabilities import row_sum
from revsig_keras.defences.numerics.probabilities import STAGE
from revsig_keras.defences.numerics.probabilities import Tensor


class SoftmaxRows(NamedTuple):
    """Rows divided by their sums, prepared so that no difference cancels.

    The top is the largest entry. Where it is above 1/2, the odds against it come from the sum of
    the others, which is exact where 1 - top is not. All odds are logarithms: log(1 - p) - log(p).

    The ends are the largest entry below the top and the least entry, on an axis before all others:
    at the end, an axis of two would slow down all that is computed of them.

    Attributes:
        is_below: Marks the entries that differ from the top.
        below: The same in numbers, 1 and 0.
        rest: The shares of all other entries; 0 at the top entries.
        odds: The odds against these; any at the top entries.
        amounts: Numbers in proportion to `rest` that do not underflow together.
        sum_of_amounts: Their sum. This and what follows is one number per row, `(..., 1)`.
        others: The sum of `rest`.
        top: The share of the top.
        odds_of_top: The odds against it; below 0 where it is above 1/2.
        ends: The shares of the ends, `(2, ..., 1)`; `None` where they were not asked for.
        odds_of_ends: The odds against these.
        values: Numbers in the order of the entries; any at the top entries.
        spoilt: 0, or NaN where the row has a NaN or an infinity.
        stage: The `size` for `row_sum`. Smaller for logits, whose exponentials have errors too.
    """
    is_below: Tensor
    below: Tensor
    rest: Tensor
    odds: Tensor
    amounts: Tensor
    sum_of_amounts: Tensor
    others: Tensor
    top: Tensor
    odds_of_top: Tensor
    ends: Tensor
    odds_of_ends: Tensor
    values: Tensor
    spoilt: Tensor
    stage: int


def from_probabilities(y: Tensor, with_ends: bool) -> SoftmaxRows:
    """Reads probabilities, which need not sum to 1."""
    tiny = float(np.finfo(keras.backend.standardize_dtype(y.dtype)).tiny)
    highest = row_max(y)
    is_below = ops.not_equal(y, highest)
    below = ops.cast(is_below, y.dtype)
    amounts = ops.maximum(y, 0.0)  # Some backends are slower at `relu`. A NaN stays one.
    total = row_sum(amounts, LONG_STAGE)
    divisor = ops.maximum(total, tiny)
    rest = below * (amounts / divisor)
    others = row_sum(rest, LONG_STAGE)
    top, ends, odds_of_ends = ops.maximum(highest, 0.0) / divisor, None, None
    # Above 1/2, where 1 - top cancels, the top rounds to 1 (1/2 itself to 0): the others count.
    against = ops.maximum(others, 1.0 - ops.round(top) - top)
    if with_ends:
        # Found before the division, the least entry needs no quotients stored by XLA.
        ends = ops.stack([row_max(rest), row_min(amounts) / divisor])
        odds_of_ends = ops.log((1.0 - ends) / ends)
    return SoftmaxRows(is_below=is_below,
                       below=below,
                       rest=rest,
                       odds=ops.log((1.0 - rest) / rest),
                       amounts=rest,
                       sum_of_amounts=others,
                       others=others,
                       top=top,
                       odds_of_top=ops.log(against / top),
                       ends=ends,
                       odds_of_ends=odds_of_ends,
                       values=rest,
                       spoilt=0.0 * total,
                       stage=LONG_STAGE)


def from_logits(z: Tensor, with_ends: bool) -> SoftmaxRows:
    """Reads logits, in log space: no difference between them is too large."""
    highest = row_max(z)
    is_below = ops.not_equal(z, highest)  # True of a NaN, which has to stay.
    below = ops.cast(is_below, z.dtype)
    values = ops.where(is_below, z, -math.inf)
    # Finite, so that no difference is NaN where all others are -inf.
    second = ops.maximum(row_max(values), -0.25 * largest(keras.backend.standardize_dtype(z.dtype)))
    # Sum the others relative to the second, then lower them.
    amounts, fall = ops.exp(values - second), second - highest
    sum_of_amounts, lowered = row_sum(amounts, STAGE), ops.exp(fall)
    count = z.shape[-1] - ops.sum(below, axis=-1, keepdims=True)
    total = count + lowered * sum_of_amounts
    factor, log_total = lowered / total, ops.log(total)
    rest = factor * amounts

    top, ends, odds_of_ends = 1.0 / total, None, None
    odds_of_top = ops.where(top > 0.5, fall + ops.log(sum_of_amounts),
                            ops.log(1.0 - top) + log_total)
    if with_ends:
        falls = ops.stack([second, row_min(z)]) - highest
        ends = ops.exp(falls) / total
        odds_of_ends = ops.log(1.0 - ends) - (falls - log_total)
    return SoftmaxRows(is_below=is_below,
                       below=below,
                       rest=rest,
                       odds=ops.log(1.0 - rest) - ((values - highest) - log_total),
                       amounts=amounts,
                       sum_of_amounts=sum_of_amounts,
                       others=factor * sum_of_amounts,
                       top=top,
                       odds_of_top=odds_of_top,
                       ends=ends,
                       odds_of_ends=odds_of_ends,
                       values=values,
                       spoilt=0.0 * highest,
                       stage=STAGE)
