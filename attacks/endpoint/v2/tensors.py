"""The tensors of the Open Inference Protocol: their datatypes, and their bytes.

Source: https://github.com/kserve/open-inference-protocol, and Triton's binary data extension.
"""

import struct
from typing import Any

import numpy as np

from attacks.endpoint.failures import EndpointError

DATATYPES = {
    "BOOL": np.dtype("bool"), "FP16": np.dtype("float16"), "FP32": np.dtype("float32"),
    "FP64": np.dtype("float64"), "INT8": np.dtype("int8"), "INT16": np.dtype("int16"),
    "INT32": np.dtype("int32"), "INT64": np.dtype("int64"), "UINT8": np.dtype("uint8"),
    "UINT16": np.dtype("uint16"), "UINT32": np.dtype("uint32"), "UINT64": np.dtype("uint64"),
}  # yapf: disable
_NAMES = {dtype: name for name, dtype in DATATYPES.items()}
# Strings, each with its length in front of it where a tensor is written as bytes.
_BYTES = "BYTES"


def datatype_of(dtype: np.dtype) -> str:
    """Returns the protocol's name of a NumPy dtype."""
    return _NAMES[np.dtype(dtype)]


def dtype_of(datatype: str) -> np.dtype:
    """Returns the NumPy dtype of an input.

    Raises:
        EndpointError: If it has none.
    """
    if datatype not in DATATYPES:
        raise EndpointError("`input_name` must name an input of one of the datatypes "
                            f"{', '.join(DATATYPES)}. Received: {datatype}")
    return DATATYPES[datatype]


def from_values(values: Any, datatype: str, shape: tuple[int, ...]) -> np.ndarray:
    """Makes an array of the nested or flat lists of an answer in JSON.

    Args:
        values: The lists.
        datatype: The protocol's name of the datatype; strings become objects.
        shape: The shape that the server tells.

    Raises:
        EndpointError: If the values do not fit the datatype or the shape.
    """
    try:
        array = np.asarray(values, object if datatype == _BYTES else None)
    except ValueError:
        raise EndpointError("The endpoint must answer with rows of equal length. Received: rows "
                            "of different lengths") from None
    if datatype == _BYTES:
        fits = all(isinstance(value, str) for value in array.flat)
    else:
        kinds = {"b": "b", "i": "iu", "u": "iu"}.get(_dtype(datatype).kind, "iuf")
        fits = not array.size or array.dtype.kind in kinds
    if not fits:
        raise EndpointError(f"The endpoint must answer with {datatype}, as it says. Received: "
                            f"{array.dtype if datatype != _BYTES else 'something else'}")
    return _shaped(array if datatype == _BYTES else array.astype(_dtype(datatype)), shape)


def from_bytes(content: bytes, datatype: str, shape: tuple[int, ...]) -> np.ndarray:
    """Makes an array of the bytes of an answer, little-endian and row-major; see `from_values`."""
    if datatype == _BYTES:
        array = np.array(_strings(content), object)
    else:
        dtype = _dtype(datatype).newbyteorder("<")
        if len(content) % dtype.itemsize:
            raise EndpointError(f"The endpoint must answer with {datatype}, as it says. Received: "
                                f"{len(content)} bytes")
        array = np.frombuffer(content, dtype).astype(dtype.newbyteorder("="))
    return _shaped(array, shape)


def to_bytes(array: np.ndarray) -> bytes:
    """Returns the bytes of an array of numbers, little-endian and row-major."""
    return array.astype(array.dtype.newbyteorder("<")).tobytes()


def _dtype(datatype):
    if datatype not in DATATYPES:
        raise EndpointError("The endpoint must answer with one of the datatypes "
                            f"{', '.join(DATATYPES)}, {_BYTES}. Received: {datatype}")
    return DATATYPES[datatype]


def _strings(content):
    found, start = [], 0
    while start < len(content):
        try:
            length, = struct.unpack_from("<I", content, start)
        except struct.error:
            length = len(content)
        start += 4 + length
        if start > len(content):
            raise EndpointError("The endpoint must answer with strings and their lengths. "
                                "Received: incomplete ones")
        found.append(content[start - length:start].decode("utf-8", "replace"))
    return found


def _shaped(array, shape):
    try:
        return array.reshape(shape)
    except ValueError:
        raise EndpointError(f"The endpoint must answer with {' x '.join(map(str, shape))} values, "
                            f"as it says. Received: {array.size}") from None
