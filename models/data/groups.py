"""Rows that have to stay together: equal rows, and rows of one group."""
import hashlib

import numpy as np
from scipy import sparse
from scipy.sparse import csgraph

from models.data.streamed import chunks
from models.data.streamed import Inputs


def number_equal(*parts: Inputs) -> np.ndarray:
    """Numbers rows, so that two rows have one number if and only if they are equal.

    Args:
        *parts: Inputs `[n, ...]`, read a few rows at a time.

    Returns:
        Array `[rows]`, the numbers of the rows of all parts, from 0 up in the order in which they
        are first seen.
    """
    numbers: dict[bytes, int] = {}
    found = [
        numbers.setdefault(hashlib.blake2b(row, digest_size=16).digest(), len(numbers))
        for part in parts
        for chunk in chunks(part)
        for row in np.ascontiguousarray(chunk + chunk.dtype.type(0))  # -0 equals 0.
    ]
    return np.array(found, np.int64)


def join(numbers: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Joins two numberings of rows.

    Rows get one number if they share a number or a group, directly or through other rows.

    >>> join(np.array([0, 1, 1, 2]), np.array([5, 5, 6, 7])).tolist()
    [0, 0, 0, 1]

    Args:
        numbers: Whole numbers of at least 0, `[rows]`.
        groups: Likewise.
    """
    codes = np.unique(groups, return_inverse=True)[1]
    first = numbers.max(initial=-1) + 1
    size = first + codes.max(initial=-1) + 1
    edges = sparse.coo_array((np.ones(len(codes), bool), (numbers, first + codes)), (size, size))
    return csgraph.connected_components(edges, directed=False)[1][numbers].astype(np.int64)


def divide(order: np.ndarray, groups: np.ndarray, cuts: np.ndarray) -> list[np.ndarray]:
    """Divides rows into parts that share no group.

    A group moves to the place of its first row, and the rows are then cut between two groups: at
    the boundary that is nearest to each cut. Within a part, rows keep their order. Where each row
    is a group of its own, this is `numpy.split`.

    Args:
        order: The rows in order, `[n]`.
        groups: The group of each row, by row.
        cuts: Where the parts begin, but for the first, ascending.

    Returns:
        One array of rows more than cuts; a part is empty where a single group is too large.
    """
    _, first, codes = np.unique(groups[order], return_index=True, return_inverse=True)
    place = first[codes]
    together = place.argsort(kind="stable")
    boundaries = np.append(np.flatnonzero(np.diff(place[together], prepend=-1)), len(order))
    nearest = np.abs(boundaries - np.reshape(cuts, [-1, 1])).argmin(axis=1)
    return [order[np.sort(part)] for part in np.split(together, boundaries[nearest])]
