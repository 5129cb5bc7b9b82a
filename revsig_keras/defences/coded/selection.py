"""Selects the constants of an answer by the bucket and the roles of its row."""
from collections.abc import Sequence
import math

import keras
from keras import ops
import numpy as np

from revsig_keras.defences.coded.reading import Reading
from revsig_keras.defences.numerics.indices import count
from revsig_keras.defences.numerics.indices import gather
from revsig_keras.defences.numerics.probabilities import Tensor


def select(shares: np.ndarray, edges: Sequence[float], rows: Reading,
           distances: Sequence[Tensor]) -> Tensor:
    """Returns the constant of each entry; NaN in a row that has a NaN or an infinity.

    All constants are from 0 to below 1. So the constant of a role less its distance is the constant
    for the entries of that role, and below 0 for others: the largest of all is the answer, and no
    selection is needed.

    Args:
        shares: Array `(buckets, roles)`, the constants; those of the last role are the least.
        edges: Falling numbers, one less than there are buckets.
        rows: What is read of the rows. The bucket is the number of edges that the doubt reaches.
        distances: Tensors of the shape of the rows, one for each of the first roles; see
            `CodedDefence.distances`.
    """
    *columns, answers = _look_up(shares[:, [*range(len(distances)), -1]], edges, rows)
    for column, distance in zip(columns, distances):
        answers = ops.maximum(answers, column - distance)
    return answers


def _look_up(shares: np.ndarray, edges: Sequence[float], rows: Reading) -> list[Tensor]:
    """Returns the constant of each role for the bucket of each row, `(..., 1)` each."""
    dtype = keras.backend.standardize_dtype(rows.others.dtype)
    # What is counted are the edges below the doubt, and 0, which is below every doubt. With a NaN
    # or an infinity in the row nothing is, so a count of 0 finds NaN, and 1 the surest bucket.
    bounds = ops.convert_to_tensor(np.array([*edges, 0.0]), dtype) * rows.total
    index = count(rows.others > bounds)
    columns = np.vstack([np.full(shares.shape[1], math.nan), shares[::-1]]).T[..., None]
    # Looking up each role is faster than looking up all and splitting.
    return [gather(ops.convert_to_tensor(column, dtype), index) for column in columns]
