"""Distances between clean and defended probabilities, in float64."""
import dataclasses

import numpy as np
from numpy.typing import ArrayLike

# Rounding to bfloat16 moves a sum by less than this.
_TOLERANCE = 0.01


@dataclasses.dataclass(frozen=True, eq=False)
class Distortion:
    """Distances between clean and defended probabilities, one entry per row.

    Attributes:
        kl_clean_defended_nats: KL(clean || defended).
        kl_defended_clean_nats: KL(defended || clean).
        l1: Sum of the absolute differences, in [0, 2].
        label_changed: Booleans, whether the lowest index of the largest entry differs.
        top1_confidence_shift: The defended probability of the clean label minus the clean one, in
            [-1, 1]; negative where the defence makes the answer less sure.
    """
    kl_clean_defended_nats: np.ndarray
    kl_defended_clean_nats: np.ndarray
    l1: np.ndarray
    label_changed: np.ndarray
    top1_confidence_shift: np.ndarray


def distortion(clean_log_probabilities: ArrayLike, defended_probabilities: ArrayLike) -> Distortion:
    """Measures how a defence changes answers.

    Nothing is clipped. A class of probability 0 adds 0 to the divergence from its own distribution,
    and makes a divergence to it infinite where the other distribution has mass.

    >>> distortion(np.log([[0.5, 0.5]]), [[0.25, 0.75]]).l1
    array([0.5])

    Args:
        clean_log_probabilities: Array `(rows, classes)`, natural logarithms (in float64, if small
            probabilities are to count), `-inf` for 0.
        defended_probabilities: Array `(rows, classes)`, each row a distribution: entries of at
            least 0 whose sum is 1 within 0.01. Rows of NaN give NaN.

    Returns:
        A `Distortion`.

    Raises:
        ValueError: If a row is not a distribution.
    """
    log_p = np.asarray(clean_log_probabilities, np.float64)
    q = np.asarray(defended_probabilities, np.float64)
    if log_p.ndim != 2 or log_p.shape != q.shape or not log_p.shape[1]:
        raise ValueError("`clean_log_probabilities` and `defended_probabilities` must both have "
                         "the shape (rows, classes), 1 class or more. "
                         f"Received: {log_p.shape} and {q.shape}")
    if (log_p > 1e-6).any():
        raise ValueError("`clean_log_probabilities` must be logarithms of probabilities, 0 or less."
                         f" Received: a largest value of {log_p.max()}")
    p = np.exp(log_p)
    _check_rows("exp(clean_log_probabilities)", p)
    _check_rows("defended_probabilities", q)
    label = log_p.argmax(axis=1)[:, None]
    with np.errstate(divide="ignore"):
        log_q = np.log(q)
    return Distortion(kl_clean_defended_nats=_divergence(p, log_p, log_q),
                      kl_defended_clean_nats=_divergence(q, log_q, log_p),
                      l1=np.abs(p - q).sum(axis=1),
                      label_changed=label[:, 0] != q.argmax(axis=1),
                      top1_confidence_shift=np.take_along_axis(q - p, label, axis=1)[:, 0])


def _check_rows(name: str, rows: np.ndarray) -> None:
    """Raises `ValueError` if a row is not a distribution; NaN passes."""
    sums = rows.sum(axis=1)
    is_bad = (rows < 0).any(axis=1) | (np.abs(sums - 1) > _TOLERANCE)
    if is_bad.any():
        row = int(is_bad.argmax())
        raise ValueError(f"`{name}` must have rows of entries of at least 0 whose sum is 1. "
                         f"Received: row {row} with the smallest entry {rows[row].min():.6g} and "
                         f"the sum {sums[row]:.6g}")


def _divergence(p: np.ndarray, log_p: np.ndarray, log_q: np.ndarray) -> np.ndarray:
    """KL(p || q) of each row."""
    difference = np.subtract(log_p, log_q, out=np.zeros_like(p), where=p > 0)
    return (p * difference).sum(axis=1)
