"""One bit for each test row, as text that a record can hold."""

import base64
import binascii

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
