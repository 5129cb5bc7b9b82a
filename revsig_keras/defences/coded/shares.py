"""The constants of coded defences, as numbers of the output's dtype."""
import functools

import numpy as np

from revsig_keras.defences.coded.state import CodeState
from revsig_keras.defences.numerics.probabilities import epsilon

# Confidences that are equal in the output's dtype are moved apart by at most this.
_MOST_MOVED = 0.005
# The mass of the classes that are neither label nor decoy, in the surest and the least sure bucket.
_REMAINDER = (0.01, 0.08)


@functools.lru_cache(maxsize=64)
def honest_shares(state: CodeState, ordered_classes: int, classes: int, dtype: str) -> np.ndarray:
    """Returns the shares of the first classes and of each other one, by bucket.

    The label has the confidence of its bucket. The second has `ordered_classes` parts of the rest,
    the third one part less, and so on; each class without an order has one part.

    Returns:
        Array `(buckets, ordered_classes + 1)` of float64, the shares of the label, the second and
        so on, and of each class without an order.

    Raises:
        ValueError: If there are too few classes, or if two numbers that must differ are equal in
            the dtype, or in wrong order.
    """
    if ordered_classes >= classes:
        raise ValueError("`ordered_classes` must be below the number of classes, 2 for sigmoid "
                         f"units. Received: ordered_classes={ordered_classes} for {classes} "
                         "classes")
    labels = separated(state.confidences, dtype)
    if min(labels[0], state.confidences[0]) <= 1.0 / classes:
        raise ValueError("The confidence of each bucket must be above 1 / classes. Received: "
                         f"{state.confidences[0]:.4g} for {classes} classes")
    parts = np.append(np.arange(ordered_classes, 1, -1), 1)
    whole = parts.sum() + classes - ordered_classes - 1
    rest = (1.0 - labels)[:, None] * parts / whole
    shares = np.column_stack([labels, rounded(rest, dtype)])
    if not (shares[:, :-1] > shares[:, 1:]).all():
        raise ValueError(f"`ordered_classes` must leave shares that fall, in {dtype}. Received: "
                         f"ordered_classes={ordered_classes} for {classes} classes, with shares "
                         f"{shares[0].tolist()} in the least sure bucket")
    return shares


@functools.lru_cache(maxsize=64)
def decoy_shares(state: CodeState, decoys: int, decimals: int, classes: int,
                 dtype: str) -> np.ndarray:
    """Returns the shares of the label, of each decoy and of each other class, by bucket.

    The label is ahead of its decoys by the same gap in all buckets, and the bucket is told by the
    others' mass, which falls with the confidence in equal steps.

    Returns:
        Array `(buckets, 3)` of float64.

    Raises:
        ValueError: If there are too few classes, or if two numbers that must differ are equal in
            the dtype.
    """
    if decoys > classes - 2:
        raise ValueError("`decoys` must be below the number of classes by 2 or more, so that a "
                         f"class is left. Received: decoys={decoys} for {classes} classes")
    buckets, others = len(state.confidences), classes - 1 - decoys
    most = min(_REMAINDER[1], 0.5 * others / classes)
    least = most * _REMAINDER[0] / _REMAINDER[1]
    remainder = np.linspace(most, least, buckets) if buckets > 1 else np.array([least])
    gap = 10.0**-decimals
    # The gap is a multiple of the largest distance between neighbours, so it is exact.
    step = 0.5 * epsilon(dtype) * 2.0**np.frexp((1.0 + decoys * gap) / (decoys + 1.0))[1]
    gap = max(2.0, np.ceil(gap / step)) * step
    label = np.round((1.0 - remainder + decoys * gap) / (decoys + 1.0) / step) * step
    decoy = label - gap
    other = rounded((1.0 - label - decoys * decoy) / others, dtype)
    falls = (np.diff(other) < 0).all() and (np.diff(label) > 0).all()
    if not (falls and (other > 0).all() and (decoy > other).all()):
        raise ValueError(f"The shares of buckets must differ in {dtype}. Choose fewer bits or "
                         f"decoys, or `dtype=\"float32\"`. Received: {buckets} buckets, "
                         f"decoys={decoys} for {classes} classes")
    return np.column_stack([label, decoy, other])


def separated(confidences: tuple[float, ...], dtype: str) -> np.ndarray:
    """Returns confidences in a dtype, each below the next, and the last below 1.

    Raises:
        ValueError: If one had to move by more than half a percent.
    """
    step = 0.5 * epsilon(dtype)  # The distance of neighbours in [1/2, 1).
    separate = rounded(np.array(confidences), dtype)
    limit = 1.0
    for index in reversed(range(len(separate))):
        separate[index] = limit = min(separate[index], rounded(np.array(limit - step), dtype))
    if np.abs(separate - confidences).max() > _MOST_MOVED:
        raise ValueError(f"The confidences of buckets must differ in {dtype}. Choose fewer bits, "
                         f"or `dtype=\"float32\"`. Received: confidences={list(confidences)}")
    return separate


def rounded(values: np.ndarray, dtype: str) -> np.ndarray:
    """Returns values as float64 that are numbers of `dtype`, which NumPy may not know."""
    if dtype == "bfloat16":
        fractions, exponents = np.frexp(values)
        steps = 2.0 / epsilon(dtype)
        return np.ldexp(np.round(fractions * steps) / steps, exponents)
    return values.astype(dtype).astype("float64")


@functools.lru_cache(maxsize=64)
def ring_of(classes: int, seed: int) -> tuple[int, ...]:
    """Returns the place of each class on a ring in the order that `seed` chooses."""
    keys = np.random.SeedSequence(seed).generate_state(classes, "uint64")
    return tuple(np.argsort(np.argsort(keys, kind="stable")).tolist())
