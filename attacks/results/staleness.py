"""Whether the results in a directory were made with what the code and the data are now."""

from collections.abc import Sequence
import math
import os
from typing import Any

import numpy as np

from attacks.oracle.defences import AS_SERVED
from revsig_keras.defences.catalogue import make_defence

_ROWS = 64
# Two sums with signs per row. A difference between two answers is missed by one of them with a
# probability of 1/2 at most, and defences that differ do so on many rows.
_SUMS = 2
_DECIMALS = 7
# What rounding moves a sum by at most is about 1e-6.
TOLERANCE = 1e-5

# Entries of a record that must be what they were, and their values in records that lack them.
_COMPARED = (("dataset", "fingerprint", None), ("victim", "fingerprint", None), ("hardware",
                                                                                 "replicas", 1))


def refuse_stale(records: Sequence[dict[str, Any]], origin: dict[str, Any],
                 directory: str | os.PathLike) -> None:
    """Raises `ValueError` if the results of a directory were made with something else than now.

    Other data and another victim are refused, and so is another number of replicas: dropout and
    rounding differ with it, and the directory would hold figures that no single command makes
    again. A defence is refused that answers fixed rows differently than it did; records from before
    these answers were kept are taken as they are.

    Args:
        records: The records of the cells in the directory.
        origin: What cells are made with now, as `attacks.results.provenance.provenance` tells it.
        directory: For the message.
    """
    for record in records:
        for name, entry, default in _COMPARED:
            there, now = (source[name].get(entry, default) for source in (record, origin))
            if there is not None and there != now:
                raise ValueError(
                    f"`output_dir` must hold results of the same {name}. Received: {directory}, "
                    f"with the {entry} {there!s:.12}, and now {now!s:.12}")
    answers = {}
    for record in records:
        cell, there = record["cell"], record.get("defence_answers")
        key = repr(cell["resolved"]["defence"])
        if there is None:
            continue
        if key not in answers:
            answers[key] = fixed_answers(cell["defence"], origin["dataset"]["num_classes"])
        difference = largest_difference(there, answers[key])
        if difference > TOLERANCE:
            raise ValueError(
                "`output_dir` must hold results of defences that answer as they do now. Received: "
                f"{directory}, where {cell['defence']} answered {_ROWS} fixed rows differently, by "
                f"an L1 distance of {difference:.2g} or more: its code has changed since "
                f"{record['id']} was made at commit {record.get('commit') or 'unknown'}. Name "
                "another directory, or use the code of that commit")


def largest_difference(there: Sequence[float], now: Sequence[float] | None) -> float:
    """Returns the largest difference between two results of `fixed_answers`.

    Each is a lower bound of the L1 distance between two answers for the same row. It is infinite
    where a defence that always gave the same answers does so no more.
    """
    if now is None or len(there) != len(now):
        return math.inf
    return float(np.abs(np.subtract(there, now)).max())


def fixed_answers(defence: str, num_classes: int) -> list[float] | None:
    """Returns what a defence answers to 64 fixed rows of clean probabilities, in short.

    The rows do not depend on the victim, the platform or the version of NumPy: the uniform row, a
    row with all its mass on one class, and 62 others from nearly uniform to nearly certain. Each
    answer is shortened to two sums of its entries, with fixed signs of which half are negative.

    Args:
        defence: Member of `revsig_keras.defences.catalogue.DEFENCES`, as written, or `as_served`.
        num_classes: The number of classes.

    Returns:
        128 numbers, two per row. `None` where there is nothing to compare: without a defence, for
        an endpoint, and for a defence of which two copies answer differently.
    """
    if defence == AS_SERVED:
        return None
    layers = [make_defence(defence) for _ in range(2)]
    if None in layers:
        return None
    rows = _fixed_rows(num_classes)
    first, second = (np.asarray(layer(rows), np.float64) for layer in layers)
    if not np.allclose(first, second, rtol=0, atol=TOLERANCE):
        return None
    sums = (first[:, None] * _fixed_signs(num_classes)).sum(axis=-1)
    return [round(float(value), _DECIMALS) for value in sums.ravel()]


def _fixed_rows(num_classes):
    """Clean probabilities `[64, num_classes]`, by operations that round alike everywhere."""
    weights = _fixed_words(0, _ROWS, num_classes) / 2**32
    weights[0], weights[1] = 1, np.eye(1, num_classes)
    for start in (16, 32, 48):  # To the powers of 1, 4, 16 and 64.
        weights[start:] = np.square(np.square(weights[start:]))
    totals = np.array([[math.fsum(row)] for row in weights])
    return (weights / totals).astype(np.float32)


def _fixed_signs(num_classes):
    """Signs `[64, 2, num_classes]`, half of them negative."""
    words = _fixed_words(1, _ROWS * _SUMS, num_classes).reshape(_ROWS, _SUMS, num_classes)
    ranks = words.argsort(axis=-1, kind="stable").argsort(axis=-1, kind="stable")
    return np.where(ranks < num_classes // 2, -1.0, 1.0)


def _fixed_words(seed, rows, columns):
    """Whole numbers below 2^32; NumPy promises that a `SeedSequence` never changes."""
    words = np.random.SeedSequence(seed).generate_state(rows * columns, np.uint32)
    return words.reshape(rows, columns).astype(np.float64)
