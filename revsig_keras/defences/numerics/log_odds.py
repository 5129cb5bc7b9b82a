"""Functions of log-odds, exact and with finite gradients wherever probabilities saturate."""
import numbers

import keras
from keras import ops
import numpy as np

from revsig_keras.defences.numerics.probabilities import Gradient
from revsig_keras.defences.numerics.probabilities import largest
from revsig_keras.defences.numerics.probabilities import Tensor
from revsig_keras.defences.numerics.probabilities import with_gradient

# Stands for infinity where an infinite number times a gradient of 0 would be NaN.
_HUGE = 1e30


def log(x: Tensor) -> Tensor:
    """Returns log(x), which is -inf at 0, with a gradient of 0 there."""
    dtype = keras.backend.standardize_dtype(x.dtype)
    tiny, limit = float(np.finfo(dtype).tiny), 0.125 * largest(dtype)

    def value_and_gradient(x: Tensor) -> tuple[Tensor, Gradient]:

        def gradient(upstream: Tensor) -> Tensor:
            # Apply `where` after the division: a compiler may hoist the divisor, which then
            # underflows. The limit leaves room for the sum with other gradients of the row.
            gradient = ops.clip(upstream / ops.maximum(x, tiny), -limit, limit)
            return ops.where(x > 0.0, gradient, 0.0)

        return ops.log(x), gradient

    return with_gradient(value_and_gradient, x)


def lift(log_odds: Tensor, gamma: float | Tensor) -> Tensor:
    """Returns 1/2 - s(gamma log_odds), from 0 to 1/2, for log_odds <= 0, -inf included."""

    def value_and_gradient(z: Tensor) -> tuple[Tensor, Gradient]:
        # tanh is exact where the difference cancels. The gradient uses the power, since 1 - tanh^2
        # cancels.

        def gradient(upstream: Tensor) -> Tensor:
            power = ops.exp(z)
            return -upstream * power / ops.square(1.0 + power)

        return -0.5 * tanh(0.5 * z), gradient

    return with_gradient(value_and_gradient, _scaled(log_odds, gamma))


def tanh(x: Tensor) -> Tensor:
    """Returns tanh(x) in the precision of `x`."""
    if keras.backend.standardize_dtype(x.dtype) != "float64":
        return ops.tanh(x)
    # Some backends have tanh in single precision only.
    minus_one = ops.expm1(-2.0 * ops.abs(x))
    return -ops.sign(x) * minus_one / (2.0 + minus_one)


def minor(log_odds: Tensor, gamma: float | Tensor) -> Tensor:
    """Returns s(gamma log_odds), from 1/2 down to 0, for log_odds <= 0, -inf included."""
    power = ops.exp(_scaled(log_odds, gamma))
    return power / (1.0 + power)


def _scaled(log_odds: Tensor, gamma: float | Tensor) -> Tensor:
    if not isinstance(gamma, numbers.Real):  # A tensor may be learned.
        log_odds = ops.maximum(log_odds, -_HUGE)
    return gamma * log_odds
