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


def widen(y: Tensor, dtype: str) -> Tensor:
    """Casts `y` to float32, or to float64 if it or the `dtype` of the result is float64.

    Near 0 the slopes of a defence exceed all bounds: gradients are capped at the finite range of
    the dtype of `y`.
    """
    received = keras.backend.standardize_dtype(y.dtype)
    y = ops.cast(y, "float64" if "float64" in (received, dtype) else "float32")
    limit = largest(received)
    return with_gradient(lambda x: (x, lambda upstream: ops.clip(upstream, -limit, limit)), y)


def with_gradient(value_and_gradient: Callable[[Tensor], tuple[Tensor, Gradient]],
                  x: Tensor) -> Tensor:
    """Calls a function that returns a value and the function that computes its gradient."""

    def function(x: Tensor) -> tuple[Tensor, Gradient]:
        value, gradient = value_and_gradient(x)

        # Keras' backends pass the upstream gradient in two ways.
        def backward(*args: Tensor, upstream: Tensor | None = None) -> Tensor:
            return gradient(args[0] if upstream is None else upstream)

        return value, backward

    return ops.custom_gradient(function)(x)


def row_sum(x: Tensor, width: int = 32) -> Tensor:
    """Sums over the last axis, pairwise down to `width`, so that errors hardly grow with length."""
    classes = x.shape[-1]
    halvings = max(0, math.ceil(math.log2(classes / width)))
    missing = -classes % 2**halvings
    if missing:
        x = ops.pad(x, [[0, 0]] * (len(x.shape) - 1) + [[0, missing]])
    for _ in range(halvings):
        half = x.shape[-1] // 2
        x = x[..., :half] + x[..., half:]
    return ops.sum(x, axis=-1, keepdims=True)


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
