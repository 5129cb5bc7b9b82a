"""What a record holds of each test row, as text: a bit, and the number of its group."""

import base64
import binascii
import zlib

import numpy as np


def pack(bits: np.ndarray) -> str:
    """Booleans `[rows]` as base64 text, eight rows a byte, the first row in the highest bit."""
    return base64.b64encode(np.packbits(bits)).decode()


def unpack(text: str, count: int) -> np.ndarray:
    """The booleans `[count]` that `pack` has written.

    Raises:
        ValueError: If the text does not hold so many rows.
    """
    try:
        data = np.frombuffer(base64.b64decode(text, validate=True), np.uint8)
    except binascii.Error as error:
        raise ValueError(f"`text` must be packed rows in base64. Received: {error}") from error
    if len(data) != -(-count // 8):
        raise ValueError(f"`text` must hold {count} rows, {-(-count // 8)} bytes. "
                         f"Received: {len(data)} bytes")
    return np.unpackbits(data, count=count).astype(bool)


def pack_groups(groups: np.ndarray) -> str:
    """Numbers of groups `[rows]` as text; only which rows share one is kept."""
    numbers = np.unique(groups, return_inverse=True)[1]
    return base64.b64encode(zlib.compress(numbers.astype("<u4").tobytes(), 9)).decode()


def unpack_groups(text: str, count: int) -> np.ndarray:
    """Whole numbers `[count]` from 0 up, equal for the rows that `pack_groups` was given as one.

    Raises:
        ValueError: If the text does not hold so many rows.
    """
    try:
        data = zlib.decompress(base64.b64decode(text, validate=True))
        numbers = np.frombuffer(data, "<u4").astype(np.int64)
    except (ValueError, TypeError, zlib.error) as error:
        raise ValueError(f"`text` must be packed groups of rows. Received: {error}") from error
    if len(numbers) != count:
        raise ValueError(f"`text` must hold the groups of {count} rows. Received: {len(numbers)}")
    return np.unique(numbers, return_inverse=True)[1]
