"""The defences of cells: their names, and how to tell that one has changed."""

from collections.abc import Sequence
import json
import math
from typing import Any

import numpy as np

from revsig_keras import Defence
from revsig_keras.defences.catalogue import DEFENCES
from revsig_keras.defences.catalogue import make_defence

# Stands for the unknown defence of an endpoint.
AS_SERVED = "as_served"

# Two answers that differ by less in an entry of `fixed_answers` are equal: rounding moves one by
# about 1e-6 at most.
TOLERANCE = 1e-5

FIXED_ROWS = 64
# Two sums with signs per row. Each misses a difference between two answers with a probability of
# 1/2 at most, and defences that differ do so on many rows.
_SUMS = 2
_DECIMALS = 7


def resolve_defence(text: str) -> tuple[str, dict[str, Any]]:
    """Returns the name and all options of a defence, `as_served` included."""
    return (AS_SERVED, {}) if text == AS_SERVED else DEFENCES.resolve(text)


def layer_of(defence: str, state: str = "") -> Defence | None:
    """Makes the layer of a defence, as written; `None` for `none`.

    Args:
        defence: Member of `revsig_keras.defences.catalogue.DEFENCES`.
        state: What it was fitted to, `Defence.state`, as JSON. Defaults to `""`: nothing.
    """
    layer = make_defence(defence)
    if layer is not None and state:
        layer.state = json.loads(state)
    return layer


def fixed_answers(defence: str, num_classes: int, state: str = "") -> list[float] | None:
    """Returns a summary of what a defence answers to 64 fixed rows of clean probabilities.

    The rows do not depend on the victim, the platform or the version of NumPy: the uniform row, a
    row with all its mass on one class, and 62 others from nearly uniform to nearly certain. Each
    answer is summarised by two signed sums of its entries; the signs are fixed, half of them -1.
    A defence with a secret answers with it, as it answers every thief.

    Args:
        defence: Member of `revsig_keras.defences.catalogue.DEFENCES`, as written, or `as_served`.
        num_classes: The number of classes.
        state: See `layer_of`.

    Returns:
        128 numbers, two per row. `None` if there is nothing to compare: without a defence, for an
        endpoint, and for a defence that is random, so that two copies of it answer differently.
    """
    if defence == AS_SERVED:
        return None
    layers = [layer_of(defence, state) for _ in range(2)]
    if None in layers:
        return None
    rows = _fixed_rows(num_classes)
    first, second = (np.asarray(layer(rows), np.float64) for layer in layers)
    if not np.allclose(first, second, rtol=0, atol=TOLERANCE):
        return None
    sums = (first[:, None] * _fixed_signs(num_classes)).sum(axis=-1)
    return [round(float(value), _DECIMALS) for value in sums.ravel()]


def largest_difference(there: Sequence[float], now: Sequence[float] | None) -> float:
    """Returns the largest difference between two results of `fixed_answers`.

    It is a lower bound of the largest L1 distance between two answers to the same row, and infinite
    for a defence that has become random.
    """
    if now is None or len(there) != len(now):
        return math.inf
    return float(np.abs(np.subtract(there, now)).max())


def _fixed_rows(num_classes):
    """Clean probabilities `[64, num_classes]`, by operations that round alike on every platform."""
    weights = _fixed_words(0, FIXED_ROWS, num_classes) / 2**32
    weights[0], weights[1] = 1, np.eye(1, num_classes)
    for start in (16, 32, 48):  # To the powers of 1, 4, 16 and 64.
        weights[start:] = np.square(np.square(weights[start:]))
    totals = np.array([[math.fsum(row)] for row in weights])
    return (weights / totals).astype(np.float32)


def _fixed_signs(num_classes):
    """Signs `[64, 2, num_classes]`, half of them negative."""
    words = _fixed_words(1, FIXED_ROWS * _SUMS, num_classes)
    words = words.reshape(FIXED_ROWS, _SUMS, num_classes)
    ranks = words.argsort(axis=-1, kind="stable").argsort(axis=-1, kind="stable")
    return np.where(ranks < num_classes // 2, -1.0, 1.0)


def _fixed_words(seed, rows, columns):
    """Whole numbers below 2^32; NumPy promises that a `SeedSequence` never changes."""
    words = np.random.SeedSequence(seed).generate_state(rows * columns, np.uint32)
    return words.reshape(rows, columns).astype(np.float64)
