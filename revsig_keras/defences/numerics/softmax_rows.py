"""The Reverse Sigmoid of softmax heads: rows of classes that exclude one another.

It makes few and cheap passes over the entries. Comparisons and selections cost as much as a
logarithm where nothing fuses them, so they are made on columns of one number per row.
"""
import math
from typing import NamedTuple

import keras
from keras import ops
import numpy as np

from revsig_keras.defences.numerics import log_odds
from revsig_keras.defences.numerics.probabilities import row_sum
from revsig_keras.defences.numerics.probabilities import Tensor


class Entry(NamedTuple):
    """An entry of each row: its amount and its log-odds."""
    amount: Tensor
    log_odds: Tensor


class SoftmaxRows(NamedTuple):
    """Rows as amounts of a total, prepared so that no difference cancels.

    The top is the largest entry. Where it is above 1/2, its log-odds come from the sum of the
    others, which is exact where total - top is not.

    Attributes:
        gap: 0 at the top entries, far more than the total at all others.
        rest: the amounts, 0 at the top entries.
        log_odds: log(amount) - log(total - amount), at most 0; -inf at the top entries.
        total: the sum of the row. This and what follows is one number per row.
        is_upper: whether the top is above 1/2.
        minor: the smaller one of top and total - top, as an `Entry`.
        least: the smallest `Entry`.
        second: the largest `Entry` below the top.
        is_empty: whether there is no mass at all.
    """
    gap: Tensor
    rest: Tensor
    log_odds: Tensor
    total: Tensor
    is_upper: Tensor
    minor: Entry
    least: Entry
    second: Entry
    is_empty: Tensor


def from_probabilities(y: Tensor) -> SoftmaxRows:
    """Reads probabilities, which need not sum to 1."""
    dtype = keras.backend.standardize_dtype(y.dtype)
    top = _max(y)
    # 2^20 times the distance between neighbours. Scale before subtracting, since a small distance
    # may be flushed to 0. Entries above 1e25 overflow here.
    scale = 2.0**20 / float(np.finfo(dtype).eps)
    minus = -scale * y
    gap = ops.stop_gradient(minus + scale * top)
    amounts = ops.relu(y)
    total = row_sum(amounts)
    is_empty = ops.equal(total, 0.0)
    # An infinity or a NaN spoils the total, which spoils the row.
    total = ops.where(is_empty, 1.0, total) + 0.0 * (scale * top)
    rest = ops.minimum(amounts, gap)
    is_upper = top > 0.5 * total

    def odds(amount: Tensor) -> Tensor:
        return log_odds.log(amount / (total - amount))

    minor, least, second = (Entry(amount, odds(amount))
                            for amount in (ops.where(is_upper, row_sum(rest), ops.relu(top)),
                                           ops.relu(-_max(minus) / scale), _max(rest)))
    return SoftmaxRows(gap, rest, odds(rest), total, is_upper, minor, least, second, is_empty)


def from_logits(z: Tensor) -> SoftmaxRows:
    """Reads logits, in log space: no difference between them is too large."""
    top = _max(z)
    is_top = ops.equal(z, top)
    top_count = row_sum(ops.cast(is_top, z.dtype))
    others = ops.where(is_top, -math.inf, z)
    second = _max(others)
    # Amounts are exp(z - top). Sum the others relative to the second, then lower them.
    base = ops.where(second > -math.inf, second, top)
    amounts = ops.exp(others - base)
    sum_of_others = row_sum(amounts)
    base = base - top
    lowered = ops.exp(base)
    total = top_count + lowered * sum_of_others + 0.0 * top
    rest = lowered * amounts

    # Of two or more top entries, none is above 1/2.
    is_upper = ops.logical_and(ops.equal(top_count, 1.0), lowered * sum_of_others < 1.0)
    minor = ops.where(is_upper, lowered * sum_of_others, 1.0)
    top_odds = ops.where(is_upper, base + log_odds.log(sum_of_others),
                         -log_odds.log(ops.where(is_upper, 1.0, total - 1.0)))
    least = -_max(-z) - top
    least_odds = least - log_odds.log(total - ops.where(least < 0.0, ops.exp(least), 0.0))
    return SoftmaxRows(gap=1e30 * ops.cast(z < top, z.dtype),
                       rest=rest,
                       log_odds=(others - top) - log_odds.log(total - rest),
                       total=total,
                       is_upper=is_upper,
                       minor=Entry(minor, top_odds),
                       least=Entry(ops.exp(least), least_odds),
                       second=Entry(lowered, base - log_odds.log(total - lowered)),
                       is_empty=top > math.inf)  # Never true: a softmax has mass.


class Strength(NamedTuple):
    """A strength of the Reverse Sigmoid in each row, as amounts; one number per row each.

    The scores are `top` for the top entries, and rest + lifting * lift(log_odds, gamma) for all
    others.
    """
    top: Tensor
    lifting: Tensor


def strength(rows: SoftmaxRows, beta: float | Tensor, gamma: float | Tensor, preserve_top1: bool,
             step: float) -> Strength:
    """Returns what y - t r makes of the top, and what it adds to others; see `perturb`."""
    minor = rows.minor.amount / rows.total
    top = ops.where(rows.is_upper, 1.0 - minor, minor)
    lift = log_odds.lift(rows.minor.log_odds, gamma)
    scale: Tensor = 1.0
    if preserve_top1:
        top_r = ops.where(rows.is_upper, beta * lift, -beta * lift)
        scale = _safe_scale(rows, top, top_r, (beta, gamma), step)
    # y - t r. Above 1/2, the order of the terms keeps 1 - beta / 2 exact, which may be small.
    below = minor + scale * (beta * lift)
    small = log_odds.minor(rows.minor.log_odds, gamma)
    above = (1.0 - scale) + scale * (1.0 - 0.5 * beta) - minor + scale * (beta * small)
    top = rows.total * ops.where(rows.is_upper, above, below)
    lifting = rows.total * (scale * beta)
    # In a row without mass, all others come as close to the top as allowed.
    return Strength(ops.where(rows.is_empty, 1.0, top), ops.where(rows.is_empty, 2.0, lifting))


def perturb(rows: SoftmaxRows, beta: float | Tensor, gamma: float | Tensor, preserve_top1: bool,
            step: float) -> Tensor:
    """Returns y - t r, normalised, for a `step` of the output's dtype; see `ReverseSigmoid`."""
    top, lifting = strength(rows, beta, gamma, preserve_top1, step)
    scores = rows.rest + lifting * log_odds.lift(rows.log_odds, gamma)
    if preserve_top1:
        scores = ops.maximum(ops.minimum(scores, top * (1.0 - 2.0 * step)), top - rows.gap)
    else:
        scores = ops.where(rows.gap > 0.0, scores, top)
    return scores * (1.0 / row_sum(scores) + 0.0 * rows.total)


def _safe_scale(rows: SoftmaxRows, top: Tensor, top_r: Tensor,
                strength: tuple[float | Tensor, float | Tensor], step: float) -> Tensor:
    """Returns the largest scale in [0, 1] of r that leaves the top of each row on top.

    That is the lowest of the bounds (y_top - y_j - m) / (r_top - r_j). Such a bound is at least
    c > 0 where y_j - c r_j is at most some number; below the top that is convex in y_j, so it holds
    on an interval. Hence the lowest bound is that of the smallest or of the largest y_j.
    """
    beta, gamma = strength
    margin = 8.0 * step * (top + ops.abs(top_r))
    scale: Tensor = 1.0
    for entry in (rows.least, rows.second):
        lead = top - entry.amount / rows.total
        loss = top_r + beta * log_odds.lift(entry.log_odds, gamma)
        binds = ops.logical_and(lead > 0.0, loss > 0.0)
        bound = ops.relu(lead - margin) / ops.where(binds, loss, 1.0)
        scale = ops.minimum(scale, ops.where(binds, bound, 1.0))
    return scale


def _max(x: Tensor) -> Tensor:
    # With `initial`, batches may be empty.
    return ops.max(x, axis=-1, keepdims=True, initial=-math.inf)
