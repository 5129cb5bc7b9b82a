"""The Reverse Sigmoid of sigmoid heads: each unit is a decision between y and 1 - y."""
from typing import NamedTuple

import keras
from keras import ops

from revsig_keras.defences.numerics import log_odds
from revsig_keras.defences.numerics.probabilities import bound_gradient
from revsig_keras.defences.numerics.probabilities import Tensor
from revsig_keras.defences.numerics.strength import Strength


class Units(NamedTuple):
    """Sigmoid units, prepared so that no difference cancels.

    Attributes:
        y: the probabilities.
        side: above 0 where y > 1/2, below where y < 1/2, else 0.
        minor: the smaller one of y and 1 - y.
        log_odds: its log-odds, at most 0.
        lead: the distance of y from 1 - y.
    """
    y: Tensor
    side: Tensor
    minor: Tensor
    log_odds: Tensor
    lead: Tensor


def units_of_probabilities(y: Tensor) -> Units:
    """Reads probabilities; those below 0 count as 0, those above 1 as 1, infinite ones as NaN."""
    y = ops.minimum(ops.relu(y), 1.0) + 0.0 * y
    minor = ops.minimum(y, 1.0 - y)
    return Units(y, y - 0.5, minor, log_odds.log(minor / (1.0 - minor)), 1.0 - 2.0 * minor)


def units_of_logits(z: Tensor) -> Units:
    """Reads logits: they are the log-odds."""
    size = -ops.abs(z)
    return Units(ops.sigmoid(z), z, ops.sigmoid(size), size, 2.0 * log_odds.lift(size, 1.0))


def reverse_sigmoid(y: Tensor, from_logits: bool, strength: Strength) -> Tensor:
    """Returns y - t r of probabilities, or of logits; see `ReverseSigmoid`."""
    y = bound_gradient(y, keras.backend.standardize_dtype(y.dtype))
    return perturb((units_of_logits if from_logits else units_of_probabilities)(y), strength)


def perturb(units: Units, strength: Strength) -> Tensor:
    """Returns y - t r.

    r(1 - y) = -r(y), so y and 1 - y sum to 1 as they are.
    """
    beta, gamma, preserve_label, step, _ = strength
    lift = log_odds.lift(units.log_odds, gamma)
    scale = 1.0
    if preserve_label:
        margin = 8.0 * step * (1.0 - units.minor + beta * lift)
        binds = lift > 0.0
        loss = ops.where(binds, 2.0 * beta * lift, 1.0)
        scale = ops.where(binds, ops.minimum(ops.relu(units.lead - margin) / loss, 1.0), 1.0)
    below = units.minor + scale * (beta * lift)
    # Arranged so that 1 - beta / 2, which may be small, is exact.
    small = log_odds.minor(units.log_odds, gamma)
    above = (1.0 - scale) + scale * (1.0 - 0.5 * beta) - units.minor + scale * (beta * small)
    if preserve_label:
        below = ops.minimum(below, 0.5 * (1.0 - 2.0 * step))
        above = ops.maximum(above, 0.5 * (1.0 + 2.0 * step))
    moved = ops.where(units.side > 0.0, above, below)
    return ops.where(ops.equal(units.side, 0.0), units.y, moved) + 0.0 * units.y
