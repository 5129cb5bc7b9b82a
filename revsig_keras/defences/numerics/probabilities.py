"""Rows of class probabilities: what a defence needs to handle them exactly."""
import math
from typing import Any, Callable, Sequence

import keras
from keras import ops
import numpy as np

# The backends have no type of tensors in common.
Tensor = Any
# Computes the gradient of a function from the gradient of its value.
Gradient = Callable[[Tensor], Tensor]

# Distance from 1 to the next larger number. NumPy's `finfo` does not know bfloat16.
_EPSILON = {"float16": 2.0**-10, "bfloat16": 2.0**-7, "float32": 2.0**-23, "float64": 2.0**-52}

# How many entries a stage of a sum adds up.
STAGE, LONG_STAGE = 20, 80


def check_probabilities(shape: Sequence[int | None],
                        dtype: str | None = None,
                        axis: int = -1,
                        fewest: int = 2) -> None:
    """Raises `ValueError` unless `shape` and `dtype` can be scores of classes along `axis`."""
    rank = len(shape)
    if not -rank <= axis < rank:
        raise ValueError("`axis`, that of the classes, must be an axis of the input. "
                         f"Received: axis={axis} for shape={tuple(shape)}")
    classes = shape[axis]
    if classes is None or classes < fewest:
        where = "last axis" if axis in (-1, rank - 1) else f"axis {axis}"
        raise ValueError(
            f"A defence expects class probabilities whose {where} has a fixed size of {fewest} or "
            "more. (Sigmoid heads are for `ReverseSigmoid`; several units need "
            f"`multi_label=True`.) Received: shape={tuple(shape)}")
    if dtype is not None:
        check_dtype(dtype)


def check_dtype(dtype: str) -> None:
    """Raises `ValueError` unless `dtype` is floating-point."""
    if not keras.backend.is_float_dtype(dtype):
        raise ValueError("A defence expects class probabilities of a floating-point dtype. "
                         f"Received: dtype={keras.backend.standardize_dtype(dtype)}")


def epsilon(dtype: str) -> float:
    """Returns the distance from 1 to the next larger number of a floating-point dtype."""
    if dtype not in _EPSILON:
        raise ValueError(f"`dtype` must be one of {sorted(_EPSILON)}. Received: dtype={dtype}")
    return _EPSILON[dtype]


def largest(dtype: str) -> float:
    """Returns the largest finite number of a floating-point dtype."""
    exponent = {"float16": 15, "float64": 1023}.get(dtype, 127)
    return (2.0 - epsilon(dtype)) * 2.0**exponent


def widen(y: Tensor, dtype: str, is_bounded: bool = False) -> Tensor:
    """Casts `y` to float32, or to float64 if it or the `dtype` of the result is float64.

    Near 0 the slopes of a defence exceed all bounds: gradients are capped at the finite range of
    the dtype of `y`, unless `is_bounded` says that those of the wide dtype are finite already.
    """
    received = keras.backend.standardize_dtype(y.dtype)
    wide = "float64" if "float64" in (received, dtype) else "float32"
    y = ops.cast(y, wide)
    return y if is_bounded and received == wide else bound_gradient(y, received)


def bound_gradient(y: Tensor, dtype: str) -> Tensor:
    """Returns `y`, with gradients capped at the finite range of a dtype."""
    return with_gradient(lambda x: (x, lambda upstream: capped(upstream, dtype)), y)


def capped(gradient: Tensor, dtype: str) -> Tensor:
    """Returns a gradient capped at the finite range of a dtype."""
    limit = largest(dtype)
    return ops.clip(gradient, -limit, limit)


def with_gradient(value_and_gradient: Callable[..., tuple[Tensor, Gradient]], *arguments:
                  Tensor) -> Tensor:
    """Calls a function that returns a value and the function that computes its gradients.

    The latter returns a tuple of them, where there is more than one argument.
    """

    def function(*arguments: Tensor) -> tuple[Tensor, Gradient]:
        value, gradient = value_and_gradient(*arguments)

        # Keras' backends pass the upstream gradient in two ways.
        def backward(*args: Tensor, upstream: Tensor | None = None) -> Any:
            return gradient(args[0] if upstream is None else upstream)

        return value, backward

    return ops.custom_gradient(function)(*arguments)


def row_max(x: Tensor, keepdims: bool = True) -> Tensor:
    """Returns the largest entry along the last axis."""
    return ops.max(x, axis=-1, keepdims=keepdims, initial=_initial(x, -math.inf))


def row_min(x: Tensor, most: float = math.inf) -> Tensor:
    """Returns the least entry along the last axis, which stays, for entries of at most `most`."""
    return ops.min(x, axis=-1, keepdims=True, initial=_initial(x, most))


def least_of(stack: Tensor) -> Tensor:
    """Returns the least of the tensors in `stack`, along its first axis."""
    return ops.min(stack, axis=0, initial=_initial(stack, math.inf))


def _initial(x: Tensor, value: float) -> float | None:
    """Returns `value` for an empty batch alone: for others it would be one more operation."""
    return value if 0 in x.shape else None


def row_sum(x: Tensor, size: int = STAGE) -> Tensor:
    """Sums over the last axis, in stages where it is long, so that errors hardly grow with it.

    Each stage doubles, which is exact, because XLA would make one sum of a sum of sums.

    Args:
        x: Tensor `(..., classes)`.
        size: Integer of 8 or more, how many entries a stage adds up at most; up to 1.6 times as
            many are added up at once. `LONG_STAGE` is faster, with larger errors.
    """
    factor = 1.0
    while x.shape[-1] > 8 * size // 5:
        length = min(range(size, 7, -1), key=lambda length: -x.shape[-1] % length)
        missing = -x.shape[-1] % length
        if missing:
            x = ops.pad(x, [[0, 0]] * (len(x.shape) - 1) + [[0, missing]])
        # A rank of 2 needs no size of the batch, which may be unknown.
        batch = (-1,) if len(x.shape) == 2 else ops.shape(x)[:-1]
        x = 2.0 * ops.sum(ops.reshape(x, (*batch, x.shape[-1] // length, length)), axis=-1)
        factor *= 0.5
    total = ops.sum(x, axis=-1, keepdims=True)
    return total if factor == 1.0 else factor * total


def mass(y: Tensor) -> tuple[Tensor, Tensor]:
    """Returns the rows without entries that count as 0, and their sums.

    Entries that are negative or below the smallest normal number count as 0, and a row without any
    mass counts as uniform.
    """
    # Keeps NaN, which is not less than anything.
    y = ops.where(y < np.finfo(keras.backend.standardize_dtype(y.dtype)).tiny, 0.0, y)
    total = row_sum(y)
    empty = ops.cast(ops.equal(total, 0.0), y.dtype)
    return y + empty, total + y.shape[-1] * empty


def normalise(y: Tensor) -> Tensor:
    """Divides the mass of each row by its sum; a row with a NaN or an infinity becomes NaN."""
    y, total = mass(y)
    return y / ops.where(ops.isfinite(total), total, math.nan)
