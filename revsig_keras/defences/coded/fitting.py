"""Fits the buckets of a coded defence to clean rows, in float64."""
import warnings

import numpy as np

from revsig_keras.defences.coded.state import CodeState

# Surer rows count as this sure: no answer in float32 can tell them apart.
_LEAST_DOUBT = 2.0**-24
# With fewer rows in a bucket, its labels are not looked at.
_FEWEST_ROWS = 100
# So many rows' worth is the mean top probability, where labels count too.
_PRIOR_ROWS = 10


def fit(bits: int, classes: int, doubts: np.ndarray, is_right: np.ndarray | None) -> CodeState:
    """Fits edges and confidences.

    In units of -log(1 - y_top), 2^bits intervals of equal width reach from the lowest value to the
    quantile 1 - 2 / 2^bits (the median for 1 bit). The edges are the borders between them, so the
    last interval and all rows above the quantile form the surest bucket. Nearly all of these rows
    are right, so edges among them would tell little of errors: between the quantiles .01 and .99, 3
    bits lost .019 of the confidence's AUROC on digits (`results/frontier_digits`); as here they
    lose .007 (`results/decoy_digits`). Equal shares of the rows would lose more. Edges that
    coincide are merged, and a warning tells how many bits are left.

    Args:
        bits: Integer, the most bits of an answer.
        classes: Integer, the number of classes.
        doubts: Array `(rows,)` of 1 - y_top, summed over the other classes.
        is_right: Boolean array `(rows,)`, whether the label is the true class; `None` if unknown.
    """
    doubts = np.clip(doubts, _LEAST_DOUBT, 1.0)
    count = 2**bits
    low, high = np.quantile(-np.log(doubts), [0.0, 1.0 - min(0.5, 2.0 / count)])
    spaced = np.exp(-np.linspace(low, high, count + 1)[1:-1]).astype("float32")
    edges = np.unique(spaced)[::-1].astype("float64")
    if len(edges) < count - 1:
        warnings.warn(
            f"The rows are so alike that edges of buckets coincide: of {bits} bits, "
            f"{np.log2(len(edges) + 1):.3g} are effective.",
            stacklevel=5)
    confidences = confidence_of_buckets(edges, doubts, is_right)
    if confidences[0] <= 1.0 / classes:
        raise ValueError("`labels` must agree with the rows more often than chance in each bucket. "
                         f"Received: the least sure bucket is right in {confidences[0]:.3g} of its "
                         f"rows, for {classes} classes")
    return CodeState(bits, classes, tuple(edges.tolist()), tuple(confidences.tolist()))


def bucket_of(edges: np.ndarray, doubts: np.ndarray) -> np.ndarray:
    """Returns the number of edges that each doubt reaches; one on an edge reaches it."""
    return len(edges) - np.searchsorted(edges[::-1], doubts)


def confidence_of_buckets(edges: np.ndarray, doubts: np.ndarray,
                          is_right: np.ndarray | None) -> np.ndarray:
    """Returns the confidence of each bucket, rising.

    That is the mean top probability. Where labels are known, and at least 100 rows are in the
    bucket, it is the share of rows that are right, shrunk towards that mean as if by 10 more rows.
    Confidences that fall from one bucket to the next are pooled: isotonic regression.
    """
    buckets = bucket_of(edges, doubts)
    counts = np.bincount(buckets, minlength=len(edges) + 1).astype("float64")
    # A bucket without rows has the doubt in the middle between its edges.
    ends = np.concatenate([[1.0], edges, [_LEAST_DOUBT]])
    middles = np.sqrt(ends[:-1] * ends[1:])
    sums = np.bincount(buckets, doubts, len(counts))
    confidences = 1.0 - np.where(counts > 0, sums / np.maximum(counts, 1), middles)
    if is_right is not None:
        right = np.bincount(buckets, is_right, len(counts))
        shrunk = (right + _PRIOR_ROWS * confidences) / (counts + _PRIOR_ROWS)
        confidences = np.where(counts >= _FEWEST_ROWS, shrunk, confidences)
    return isotonic(confidences, np.maximum(counts, 1.0))


def isotonic(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Returns the rising numbers closest to `values` in the weighted mean square."""
    pools: list[tuple[float, float, int]] = []
    for value, weight in zip(values.tolist(), weights.tolist()):
        size = 1
        while pools and pools[-1][0] > value:
            other, other_weight, other_size = pools.pop()
            value = (value * weight + other * other_weight) / (weight + other_weight)
            weight, size = weight + other_weight, size + other_size
        pools.append((value, weight, size))
    return np.repeat([pool[0] for pool in pools], [pool[2] for pool in pools])
