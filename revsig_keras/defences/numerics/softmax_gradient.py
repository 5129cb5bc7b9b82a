"""The gradient of the Reverse Sigmoid of softmax heads, in closed form.

It is that of the logarithms of the amounts, which is finite where the slopes exceed all bounds:
near 0 they are about gamma y^(gamma - 1). With D_j for the gradient of the odds log(n_j / a_j)
against an amount a_j, where n_j is the sum of all others, that of log(a_i) is
a_i (sum of D_j / n_j over j != i) - D_i.
"""
import math
from typing import NamedTuple

import keras
from keras import ops
import numpy as np

from revsig_keras.defences.numerics.probabilities import least_of
from revsig_keras.defences.numerics.probabilities import row_max
from revsig_keras.defences.numerics.probabilities import row_min
from revsig_keras.defences.numerics.probabilities import row_sum
from revsig_keras.defences.numerics.probabilities import Tensor
from revsig_keras.defences.numerics.softmax_rows import SoftmaxRows
from revsig_keras.defences.numerics.softmax_scores import bounds_of_weight
from revsig_keras.defences.numerics.softmax_scores import LEAST_WEIGHT
from revsig_keras.defences.numerics.softmax_scores import Scores
from revsig_keras.defences.numerics.strength import Strength

# Stands for infinity where an infinite number times a gradient of 0 would be NaN.
_HUGE = 1e30


class Gradients(NamedTuple):
    """The gradients of a loss.

    Attributes:
        logarithms: That of the logarithms of the amounts, `(..., classes)`.
        beta: That of `beta`. This and the next are one number per row.
        gamma: That of `gamma`.
    """
    logarithms: Tensor
    beta: Tensor
    gamma: Tensor


class _Slopes(NamedTuple):
    """The gradients of shares and pulls: of each entry but the top ones, and of the top.

    Attributes:
        shares, pulls: Those of the others, 0 at the top entries.
        top_share, top_pull: Those of the top, which all top entries have in common.
        beta: That of `beta`.
    """
    shares: Tensor
    pulls: Tensor
    top_share: Tensor
    top_pull: Tensor
    beta: Tensor


def gradients(rows: SoftmaxRows, scores: Scores, strength: Strength, upstream: Tensor) -> Gradients:
    """Returns the gradients from that of the normalised scores."""
    tiny = float(np.finfo(keras.backend.standardize_dtype(upstream.dtype)).tiny)
    slopes = _slopes(rows, scores, strength, upstream)
    top, top_odds = rows.top, rows.odds_of_top
    odds = slopes.pulls * _steepness(rows.odds, strength.gamma)
    top_odds_slope = slopes.top_pull * _steepness(top_odds, strength.gamma)

    against, top_against = 1.0 - rows.rest, ops.maximum(1.0 - top, tiny)
    mean = row_sum(slopes.shares * rows.rest) + slopes.top_share * top
    of_all = row_sum(odds / against) - mean
    # Above 1/2, 1 - top is the sum of the others.
    of_top = top_odds_slope * ops.where(top > 0.5, 1.0, rows.others / top_against)
    parts = rows.amounts / ops.maximum(rows.sum_of_amounts, tiny)
    others = rows.rest * (slopes.shares + of_all - odds / against) - odds + of_top * parts

    count = rows.below.shape[-1] - row_sum(rows.below)
    tied = (count - 1.0) * top / top_against
    tops = top * of_all + (top * slopes.top_share + top_odds_slope * (tied - 1.0)) / count
    gamma = row_sum(odds * _finite(rows.odds)) + top_odds_slope * _finite(top_odds)
    return Gradients(ops.where(rows.is_below, others, tops), slopes.beta, gamma / strength.gamma)


def _slopes(rows: SoftmaxRows, scores: Scores, strength: Strength, upstream: Tensor) -> _Slopes:
    normalised = scores.scores / scores.total
    slopes = (upstream - row_sum(upstream * normalised)) / scores.total
    others = ops.where(rows.is_below, slopes, 0.0)
    top = row_sum(ops.where(rows.is_below, 0.0, slopes))
    if scores.ceiling is not None:
        is_lowered = scores.moved > scores.ceiling
        top = top + (1.0 - 2.0 * strength.step) * row_sum(ops.where(is_lowered, others, 0.0))
        others = ops.where(is_lowered, 0.0, others)
    weight = row_sum(others * scores.pulls) + top * scores.top_pull
    free = _Slopes(others, scores.weight * others, top, scores.weight * top, 0.5 * weight)
    return _bound(free, weight, rows, scores, strength) if strength.preserve_top1 else free


def _bound(free: _Slopes, weight: Tensor, rows: SoftmaxRows, scores: Scores,
           strength: Strength) -> _Slopes:
    """Adds what comes from the bounds, where one of them is the weight."""
    bounds, divisors = bounds_of_weight(rows, scores.top_pull, strength)
    lowest, most = least_of(bounds), 0.5 * strength.beta
    is_free = lowest >= most
    binds = ops.logical_and(ops.equal(bounds, lowest),
                            ops.logical_and(lowest > LEAST_WEIGHT, ops.logical_not(is_free)))
    count = ops.maximum(ops.sum(ops.cast(binds, lowest.dtype), axis=0), 1.0)
    leads = ops.where(binds, weight / (count * divisors), 0.0)

    lead, margin = ops.sum(leads, axis=0), 8.0 * strength.step
    beta = ops.where(is_free, free.beta, -0.5 * margin * ops.abs(scores.top_pull) * lead)
    shares = free.shares
    largest = row_max(ops.where(rows.is_below, rows.values, -math.inf))
    least = row_min(ops.where(rows.is_below, rows.values, math.inf))
    for end, value in enumerate((largest, least)):
        is_end = ops.logical_and(ops.equal(rows.values, value), rows.is_below)
        is_end = ops.cast(is_end, lead.dtype)
        shares = shares - is_end * (leads[end] / ops.maximum(row_sum(is_end), 1.0))
    from_margin = 0.5 * margin * strength.beta * ops.sign(scores.top_pull)
    return _Slopes(shares, free.pulls + scores.weight * (shares - free.shares),
                   free.top_share + (1.0 - margin) * lead,
                   free.top_pull + (scores.weight - from_margin) * lead, beta)


def _steepness(odds: Tensor, gamma: float | Tensor) -> Tensor:
    """Returns the derivative of tanh(gamma / 2 * odds). 1 - tanh^2 would cancel."""
    power = ops.exp(-gamma * ops.abs(_finite(odds)))
    return 2.0 * gamma * power / ops.square(1.0 + power)


def _finite(odds: Tensor) -> Tensor:
    return ops.clip(odds, -_HUGE, _HUGE)
