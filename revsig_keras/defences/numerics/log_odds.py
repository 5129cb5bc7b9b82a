"""Functions of log-odds, exact and with finite gradients wherever probabilities saturate."""
import numbers

import keras
from keras import ops
import numpy as np

from revsig_keras.defences.numerics.probabilities import largest
from revsig_keras.defences.numerics.probabilities import Tensor

# Stands for infinity where an infinite number times a gradient of 0 would be NaN.
_HUGE = 1e30


def log(x: Tensor) -> Tensor:
    """log(x), -inf at 0, where its gradient is 0."""
    dtype = keras.backend.standardize_dtype(x.dtype)
    tiny, limit = float(np.finfo(dtype).tiny), 0.125 * largest(dtype)

    def value_and_gradient(x):

        def gradient(upstream):
            # What is chosen last stays apart: a compiler may move the divisor elsewhere, where it
            # underflows. And what is finite stays so when others of the row are added to it.
            gradient = ops.clip(upstream / ops.maximum(x, tiny), -limit, limit)
            return ops.where(x > 0.0, gradient, 0.0)

        return ops.log(x), gradient

    return _with_gradient(value_and_gradient, x)


def lift(log_odds: Tensor, gamma: float | Tensor) -> Tensor:
    """1/2 - s(gamma log_odds) for log_odds <= 0, -inf among them: from 0 to 1/2."""

    def value_and_gradient(z):
        # tanh is exact where the difference cancels; where 1 - tanh^2 does, power does not.

        def gradient(upstream):
            power = ops.exp(z)
            return -upstream * power / ops.square(1.0 + power)

        if keras.backend.standardize_dtype(z.dtype) == "float64":
            minus_one = ops.expm1(z)  # Some backends have tanh in single precision only.
            return -0.5 * minus_one / (2.0 + minus_one), gradient
        return -0.5 * ops.tanh(0.5 * z), gradient

    return _with_gradient(value_and_gradient, _scaled(log_odds, gamma))


def minor(log_odds: Tensor, gamma: float | Tensor) -> Tensor:
    """s(gamma log_odds) for log_odds <= 0, -inf among them: from 1/2 down to 0."""
    power = ops.exp(_scaled(log_odds, gamma))
    return power / (1.0 + power)


def _scaled(log_odds, gamma):
    if not isinstance(gamma, numbers.Real):  # Which may be learned.
        log_odds = ops.maximum(log_odds, -_HUGE)
    return gamma * log_odds


def _with_gradient(value_and_gradient, x):
    """Calls a function that returns a value and the function that makes its gradient."""

    def function(x):
        value, gradient = value_and_gradient(x)

        # Keras' backends pass the upstream gradient in two ways.
        def backward(*args, upstream=None):
            return gradient(args[0] if upstream is None else upstream)

        return value, backward

    return ops.custom_gradient(function)(x)
