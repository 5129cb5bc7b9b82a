"""Selects the constants of an answer by the bucket of its row."""
from collections.abc import Sequence
import math

import keras
from keras import ops
import numpy as np

from revsig_keras.defences.numerics.probabilities import row_max
from revsig_keras.defences.numerics.probabilities import Tensor


def select(shares: np.ndarray, edges: Sequence[float], doubt: Tensor,
           spoilt: Tensor) -> list[Tensor]:
    """Returns the constant of each role for the bucket of each row.

    A constant that rises with the bucket is the largest one whose edge is reached. One that falls
    is the largest one but for those whose next edge is reached. So a comparison, a selection and a
    maximum do for all roles at once. One that is behind the first role by the same number in all
    buckets is their difference, which is exact: all three are numbers of float32.

    Args:
        shares: Array `(buckets, roles)`, the constants. Each role's rise or fall with the bucket.
        edges: Falling numbers, one less than there are buckets.
        doubt: The doubt of each row, `(..., 1)`. The bucket is the number of edges that it reaches.
        spoilt: 0, or NaN for a row that is spoilt, `(..., 1)`.

    Returns:
        A tensor `(..., 1)` of each role; NaN for a row that is spoilt.
    """
    behind = shares[:, :1] - shares
    follows = ((behind == behind[0]) & (behind == behind.astype("float32"))).all(axis=0)
    follows[0] = False
    selected = _select_each(shares[:, ~follows], edges, doubt)
    # 0 changes no bit of a constant.
    columns = iter(ops.split(selected + spoilt, selected.shape[-1], axis=-1))
    first = next(columns)
    return [
        first, *(first - float(distance) if is_behind else next(columns)
                 for is_behind, distance in zip(follows[1:], behind[0, 1:]))
    ]


def _select_each(shares: np.ndarray, edges: Sequence[float], doubt: Tensor) -> Tensor:
    """Returns the constants of all roles, `(..., roles)`, one by one."""
    dtype = keras.backend.standardize_dtype(doubt.dtype)
    (buckets, roles), lowest = shares.shape, shares.min(axis=0)
    rises = shares[-1] > shares[0]
    # The first edge of those that rise is always reached, and the last of the others never is.
    first, last = (np.array(each)[:, None] for each in ((math.inf, *edges), (*edges, -math.inf)))
    table = (np.where(rises, first, last), np.where(rises, shares,
                                                    lowest), np.where(rises, lowest, shares))
    ends, reached, missed = (ops.convert_to_tensor(each.T.ravel(), dtype) for each in table)
    each = ops.where(doubt <= ends, reached, missed)
    # A rank of 2 needs no size of the batch, which may be unknown.
    batch = (-1,) if len(each.shape) == 2 else ops.shape(each)[:-1]
    return row_max(ops.reshape(each, (*batch, roles, buckets)), keepdims=False)
