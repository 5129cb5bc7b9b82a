"""Rows of probabilities with true labels, which the Keras metrics are computed from."""
import dataclasses

import keras
from keras import ops

from revsig_keras.defences.numerics.probabilities import Tensor

# Rounding to bfloat16 moves probabilities above 1, and sums away from 1, by less than this.
_TOLERANCE = 0.01


@dataclasses.dataclass(frozen=True, eq=False)
class LabelledRows:
    """Answers and true labels: one entry per row, all of one floating-point dtype.

    Attributes:
        probabilities: `(rows, classes)`.
        targets: `(rows, classes)`, one-hot.
        confidence: The largest probability.
        right: 1 where the label (the lowest index of the largest entry) is the true one, else 0.
        weight: The sample weight; 1 without any, NaN where the row or its true label is invalid.
    """
    probabilities: Tensor
    targets: Tensor
    confidence: Tensor
    right: Tensor
    weight: Tensor


def read_rows(y_true: Tensor, y_pred: Tensor, sample_weight: Tensor | None,
              dtype: str) -> LabelledRows:
    """Checks and flattens the arguments of `update_state`.

    Wrong shapes and dtypes raise. Values cannot be checked in a compiled function, so a row that is
    not a distribution, or has no valid true label, gets the weight NaN, which makes the result NaN,
    unless the sample weight of the row is 0.
    """
    y_true, y_pred = ops.convert_to_tensor(y_true), ops.convert_to_tensor(y_pred)
    if len(y_pred.shape) < 2 or (y_pred.shape[-1] or 0) < 2:
        raise ValueError("`y_pred` must be class probabilities of shape (..., classes), 2 classes "
                         f"or more. Received: shape={tuple(y_pred.shape)}")
    if not keras.backend.is_float_dtype(y_pred.dtype):
        raise ValueError("`y_pred` must be class probabilities of a floating-point dtype. "
                         f"Received: dtype={keras.backend.standardize_dtype(y_pred.dtype)}")
    classes = y_pred.shape[-1]
    p = ops.reshape(ops.cast(y_pred, dtype), (-1, classes))
    targets = _targets(y_true, y_pred, dtype)
    weight = _weight(sample_weight, y_pred, dtype)
    is_row = ops.logical_and(ops.all(p >= -_TOLERANCE, axis=-1),
                             ops.abs(ops.sum(p, axis=-1) - 1.0) <= _TOLERANCE)
    is_target = ops.logical_and(ops.equal(ops.sum(targets, axis=-1), 1.0),
                                ops.equal(ops.max(targets, axis=-1, initial=0.0), 1.0))
    is_valid = ops.logical_and(is_row, is_target)
    # A masked row counts for nothing, whatever it contains.
    used = ops.logical_and(is_valid, ops.not_equal(weight, 0.0))[:, None]
    p, targets = ops.where(used, p, 1.0 / classes), ops.where(used, targets, 0.0)
    weight = ops.where(ops.logical_or(is_valid, ops.equal(weight, 0.0)), weight, float("nan"))
    right = ops.equal(ops.argmax(p, axis=-1), ops.argmax(targets, axis=-1))
    confidence = ops.clip(ops.max(p, axis=-1, initial=0.0), 0.0, 1.0)
    confidence = ops.broadcast_to(confidence,
                                  ops.shape(weight))  # For no rows, torch gives a scalar.
    return LabelledRows(p, targets, confidence, ops.cast(right, dtype), weight)


def bin_sums(index: Tensor, values: Tensor, bins: int) -> Tensor:
    """Sums `values` by their bin `index`, a floating-point whole number."""
    index = ops.clip(ops.cast(index, "int32"), 0, bins - 1)
    return ops.segment_sum(values, index, num_segments=bins)


def _targets(y_true: Tensor, y_pred: Tensor, dtype: str) -> Tensor:
    """One-hot rows of labels or one-hot rows; all 0 for a label out of range."""
    shape, classes = tuple(y_true.shape), y_pred.shape[-1]
    if len(shape) == len(y_pred.shape) and shape[-1] == classes:
        _check_leading(shape[:-1], y_pred, "y_true")
        return ops.reshape(ops.cast(y_true, dtype), (-1, classes))
    if len(shape) == len(y_pred.shape) and shape[-1] == 1:
        shape = shape[:-1]
    _check_leading(shape, y_pred, "y_true")
    labels = ops.reshape(y_true, (-1, 1))
    # By comparison, so that labels may be floats, and 0.5 is no label.
    return ops.cast(ops.equal(ops.cast(labels, dtype), ops.arange(classes, dtype=dtype)), dtype)


def _weight(sample_weight: Tensor | None, y_pred: Tensor, dtype: str) -> Tensor:
    ones = ops.ones_like(ops.reshape(y_pred, (-1, y_pred.shape[-1]))[:, 0], dtype=dtype)
    if sample_weight is None:
        return ones
    weight = ops.cast(ops.convert_to_tensor(sample_weight), dtype)
    shape = tuple(weight.shape)
    if not shape:
        return weight * ones
    if len(shape) == len(y_pred.shape) and shape[-1] == 1:
        shape = shape[:-1]
    _check_leading(shape, y_pred, "sample_weight")
    return ops.reshape(weight, (-1,))


def _check_leading(shape: tuple[int | None, ...], y_pred: Tensor, name: str) -> None:
    """Raises `ValueError` if `shape` cannot be that of `y_pred` without its classes."""
    expected = tuple(y_pred.shape[:-1])
    if len(shape) == len(expected) and all(
            a == b or None in (a, b) for a, b in zip(shape, expected)):
        return
    alternative = ", or be one-hot of its shape" if name == "y_true" else ""
    raise ValueError(f"`{name}` must have an entry per row of `y_pred`{alternative}. Received: "
                     f"{name}.shape={shape} for y_pred.shape={tuple(y_pred.shape)}")
