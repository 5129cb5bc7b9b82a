"""The Reverse Sigmoid of softmax heads: the scores of rows, and what a gradient needs of them."""
import math
from typing import NamedTuple

import keras
from keras import ops
import numpy as np

from revsig_keras.defences.numerics.log_odds import tanh
from revsig_keras.defences.numerics.probabilities import epsilon
from revsig_keras.defences.numerics.probabilities import least_of
from revsig_keras.defences.numerics.probabilities import row_sum
from revsig_keras.defences.numerics.probabilities import Tensor
from revsig_keras.defences.numerics.softmax_rows import SoftmaxRows
from revsig_keras.defences.numerics.strength import Strength

# The least weight of r. It moves no row, but makes one without any mass uniform.
LEAST_WEIGHT = 1e-30


class Scores(NamedTuple):
    """Perturbed rows. With p for a share, -r(p) is beta / 2 times the pull of p.

    Attributes:
        pulls: tanh(gamma / 2 * odds) of each entry; any of the top entries.
        top_pull: That of the top; below 0 where it is above 1/2.
        weight: t beta / 2, one number per row.
        top: p - t r of the top entries.
        moved: That of all others.
        ceiling: What these are lowered to; `None` where the label is not kept.
        scores: All of them, before they are normalised.
        total: Their sum.
    """
    pulls: Tensor
    top_pull: Tensor
    weight: float | Tensor
    top: Tensor
    moved: Tensor
    ceiling: Tensor | None
    scores: Tensor
    total: Tensor


def perturb(rows: SoftmaxRows, strength: Strength) -> Scores:
    """Returns y - t r; see `ReverseSigmoid`."""
    half = 0.5 * strength.gamma
    pulls, top_pull = tanh(half * rows.odds), tanh(half * rows.odds_of_top)
    if strength.preserve_top1:
        weight = safe_weight(rows, top_pull, strength)
        top = rows.top + weight * top_pull
        ceiling = top * (1.0 - 2.0 * strength.step)
    else:
        weight, ceiling = 0.5 * strength.beta, None
        top = _literal_top(rows, top_pull, strength)
    moved = rows.rest + weight * pulls
    if ceiling is None:
        scores = ops.where(rows.is_below, moved, top)
    else:
        # No score is below 0, and top - 1 is not above it.
        scores = ops.maximum(ops.minimum(moved, ceiling), top - rows.below)
    return Scores(pulls, top_pull, weight, top, moved, ceiling, scores, row_sum(scores, rows.stage))


def safe_weight(rows: SoftmaxRows, top_pull: Tensor, strength: Strength) -> Tensor:
    """Returns t beta / 2 for the largest t in [0, 1] that leaves the top of each row on top.

    That is the lowest of the bounds (y_top - y_j - m) / (r_top - r_j). Such a bound is at least
    c > 0 where y_j - c r_j is at most some number; below the top that is convex in y_j, so it holds
    on an interval. Hence the lowest bound is that of the smallest or of the largest y_j.
    """
    bounds, _ = bounds_of_weight(rows, top_pull, strength)
    return ops.minimum(ops.maximum(least_of(bounds), LEAST_WEIGHT), 0.5 * strength.beta)


def bounds_of_weight(rows: SoftmaxRows, top_pull: Tensor,
                     strength: Strength) -> tuple[Tensor, Tensor]:
    """Returns the bounds that the ends set to the weight, and their divisors; see `safe_weight`."""
    margin = 8.0 * strength.step
    highest = rows.top * (1.0 - margin) - (0.5 * margin * strength.beta) * ops.abs(top_pull)
    # Pulls fall with shares. Where rounding makes two equal, the sign of the difference decides.
    tiny = float(np.finfo(keras.backend.standardize_dtype(top_pull.dtype)).tiny)
    pulls = tanh(0.5 * strength.gamma * rows.odds_of_ends)
    divisors = ops.maximum(pulls - top_pull, tiny)
    bounds = (highest - rows.ends) / divisors
    if strength.shift:
        shift = strength.shift * slack(rows, strength.gamma)
        bounds = bounds + shift / divisors
        if strength.shift > 0.0:  # What may be a tie sets no bound.
            bounds = ops.where(rows.top - rows.ends <= shift, math.inf, bounds)
    return bounds, divisors


def slack(rows: SoftmaxRows, gamma: float | Tensor) -> Tensor:
    """Returns how much of the lead of the top over another class one rounding amounts to.

    Both differences of a bound (y_top - y_j - m) / (r_top - r_j) cancel where two classes nearly
    tie. With e for a rounding, that of y is wrong by about e y_top. The log-odds -o are wrong by
    e (1 + o), so r is wrong by beta e (s'(gamma o) gamma (1 + o) + |s(gamma o) - 1/2|). Divided by
    the slope of r, beta gamma s'(gamma o) / (y_top (1 - y_top)), this counts as a change of y_top
    by less than e y_top (1 + o + sinh(gamma o) / gamma). Above 1/2, no other class nearly ties.
    """
    # The top is 1 / classes or more, unless there is no mass.
    odds = ops.clip(rows.odds_of_top, 0.0, math.log(rows.rest.shape[-1]))
    factor = 1.0 + odds + ops.sinh(gamma * odds) / gamma
    return epsilon(keras.backend.standardize_dtype(odds.dtype)) * rows.top * factor


def _literal_top(rows: SoftmaxRows, pull: Tensor, strength: Strength) -> Tensor:
    """Returns y - r of the top. Above 1/2, 1 - beta / 2, which may be small, stays exact."""
    beta = strength.beta
    # s(x) for the logarithm x of the odds of the others.
    small = beta / (1.0 + ops.exp(-strength.gamma * rows.odds_of_top))
    above = (1.0 - 0.5 * beta) - rows.others + small
    return ops.where(rows.top > 0.5, above, rows.top + 0.5 * beta * pull)
