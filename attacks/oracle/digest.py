"""One row by its exact content."""

import hashlib

import numpy as np


def digest(row: np.ndarray) -> bytes:
    """16 bytes that are equal for rows of equal dtype, shape and content alone."""
    hashed = hashlib.blake2b(f"{row.dtype.str}{row.shape}".encode(), digest_size=16)
    hashed.update(np.ascontiguousarray(row))
    return hashed.digest()
