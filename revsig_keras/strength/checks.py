"""Checks of the arguments of `choose_strength`; each returns the argument, converted."""
from typing import Iterable

import numpy as np
from numpy.typing import ArrayLike

from revsig_keras.arguments import is_real
from revsig_keras.defences.reverse_sigmoid import check_parameters


def check_rows(probabilities: ArrayLike) -> np.ndarray:
    """Returns the rows of classes, a sigmoid unit y as (1 - y, y), in a dtype of NumPy."""
    p = np.asarray(probabilities)
    if p.dtype.name == "bfloat16":  # No floating-point dtype to NumPy.
        p = p.astype("float32")
    if p.ndim != 2 or p.size == 0 or p.dtype.kind != "f":
        raise ValueError(
            "`probabilities` must be a floating-point array of shape (rows, classes), "
            "or (rows, 1) for one sigmoid unit, at least 1 row. Of another shape, move "
            "the classes to the last axis and reshape to (-1, classes), and units to "
            f"(-1, 1). Received: shape={p.shape}, dtype={p.dtype}")
    if p.shape[1] == 1:
        _check_units(p)
        p = p.astype(np.result_type(p, "float32"))
        return np.concatenate([1 - p, p], axis=1)
    sums = p.sum(axis=1, dtype="float64")
    is_bad = ~((p >= 0).all(axis=1) & (abs(sums - 1) < 0.01))
    if is_bad.any():
        row = int(is_bad.argmax())
        raise ValueError("`probabilities` must have rows of entries of at least 0 whose sum is 1, "
                         "such as those of a softmax (logits are not; the sigmoid units of a "
                         "multi-label head are reshaped to (rows * units, 1), and so are their "
                         f"labels to (rows * units,)). Received: row {row} with the smallest entry "
                         f"{p[row].min():.6g} and the sum {sums[row]:.6g}, and "
                         f"{is_bad.sum() - 1} other such rows")
    return p


def _check_units(y: np.ndarray) -> None:
    is_bad = ~((y >= 0) & (y <= 1))
    if is_bad.any():
        row = int(is_bad.argmax())
        raise ValueError(
            "`probabilities` of shape (rows, 1) must be from 0 to 1, such as those of a "
            f"sigmoid (logits are not). Received: row {row} with {y[row, 0]:.6g}, and "
            f"{is_bad.sum() - 1} other such rows")


def check_labels(labels: ArrayLike | None, probabilities: np.ndarray) -> np.ndarray | None:
    """Returns the labels as an array, or `None` for `None`."""
    if labels is None:
        return None
    labels = np.asarray(labels)
    rows, classes = probabilities.shape
    if labels.shape != (rows,) or labels.dtype.kind not in "iu":
        raise ValueError(f"`labels` must be an array of {rows} integers, one per row of "
                         f"`probabilities`. Received: shape={labels.shape}, dtype={labels.dtype}")
    if not 0 <= labels.min() <= labels.max() < classes:
        raise ValueError(f"`labels` must be from 0 to {classes - 1}, for {classes} classes. "
                         f"Received: {labels.min()} to {labels.max()}")
    return labels


def check_grid(name: str, values: Iterable[float]) -> list[float]:
    """Returns the distinct values of `betas` or `gammas` in order."""
    grid = list(values) if hasattr(values, "__iter__") else []
    if not grid:
        raise ValueError(f"`{name}` must be a list of numbers, at least one. "
                         f"Received: {name}={values!r}")
    for value in grid:
        if not is_real(value):
            raise ValueError(f"`{name}` must be a list of numbers. Received: {value!r} in it")
        check_parameters(**{"beta": 1.0, "gamma": 1.0, name.removesuffix("s"): value})
    return sorted({float(value) for value in grid})
