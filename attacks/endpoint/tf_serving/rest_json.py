"""Writes and reads the JSON of TensorFlow Serving's REST API."""

import base64
import json
from typing import Any

import numpy as np

from attacks.endpoint.config import DEFAULT_SIGNATURE
from attacks.endpoint.failures import EndpointError
from attacks.endpoint.tf_serving.signature_choice import SignatureChoice

# The dtypes that the server reads from JSON; half precision is not among them.
_WRITABLE = {
    np.dtype(name) for name in ("float32", "float64", "bool", "int8", "uint8", "int16", "uint16",
                                "int32", "uint32", "int64", "uint64")
}


def check_input_dtype(dtype: np.dtype) -> None:
    """Raises `EndpointError` if the REST API cannot take such an input."""
    if dtype not in _WRITABLE:
        raise EndpointError("`input_name` must name an input of a dtype that the REST API of "
                            f"TensorFlow Serving has, or be asked by grpc://. Received: {dtype}")


def write_request(inputs: np.ndarray, choice: SignatureChoice, signature: str, form: str) -> bytes:
    """Writes a request.

    Args:
        inputs: Array `[n, ...]`.
        choice: The signature to call.
        signature: The name of the signature.
        form: `row` or `column`.
    """
    values, name = inputs.tolist(), choice.signature.input_name
    # A server that tells no signatures may refuse to be given the name of one.
    is_named = choice.is_told or signature != DEFAULT_SIGNATURE
    request: dict[str, Any] = {"signature_name": signature} if is_named else {}
    if form == "row":
        rows = values if choice.has_one_input else [{name: value} for value in values]
        request["instances"] = rows
    else:
        request["inputs"] = {name: values} if name else values
    return json.dumps(request, separators=(",", ":")).encode()


def read_answer(answer: Any, choice: SignatureChoice, rows: int, form: str) -> np.ndarray:
    """Reads the chosen output, of the dtype in the signature; strings are objects.

    Args:
        answer: The JSON.
        choice: The signature that was called.
        rows: The number of inputs that were sent.
        form: The format of the request, `row` or `column`.

    Raises:
        EndpointError: If the output is not an array with a row for each input.
    """
    values = _values(answer, choice, "predictions" if form == "row" else "outputs")
    if not isinstance(values, list):
        raise EndpointError(f"The endpoint must answer {rows} inputs with {rows} rows. Received: "
                            f"{type(values).__name__}")
    array = _array(values, choice.output_dtype)
    if len(array) != rows:
        raise EndpointError(f"The endpoint must answer {rows} inputs with {rows} rows. Received: "
                            f"{len(array)} rows")
    return array


def _values(answer, choice, key):
    """The nested lists of the chosen output; the server leaves out the name of a single output."""
    if not isinstance(answer, dict) or key not in answer:
        raise EndpointError(f"The endpoint must answer with {key}. Received: JSON without them")
    values, name = answer[key], choice.signature.output_name
    if choice.has_one_output:
        name = "" if choice.is_told else _only_name(values)
    if not name:
        return values
    try:
        return [row[name] for row in values] if isinstance(values, list) else values[name]
    except (KeyError, TypeError):
        raise EndpointError(f"The endpoint must answer with the output {name}. Received: "
                            f"{key} without it") from None


def _only_name(values):
    """The name of the output in an answer with names; empty in one without."""
    named = values[0] if isinstance(values, list) and values else values
    if not isinstance(named, dict):
        return ""
    if len(named) != 1:
        raise EndpointError("`output_name` must be one of the outputs: "
                            f"{', '.join(sorted(named)) or 'none'}. Received: no name")
    return next(iter(named))


def _array(values, dtype):
    if dtype is not None and dtype.kind == "O":
        return _strings(values)
    try:
        array = np.asarray(values)
    except ValueError:
        raise EndpointError("The endpoint must answer with rows of equal length. Received: rows "
                            "of different lengths") from None
    if dtype is None:
        return _numbers_or_strings(values, array)
    kinds = {"b": "b", "i": "iu", "u": "iu"}.get(dtype.kind, "iuf")
    if array.size and array.dtype.kind not in kinds:
        raise EndpointError(f"The endpoint must answer with {dtype}, as its signature says. "
                            f"Received: {array.dtype}")
    return array.astype(dtype)


def _numbers_or_strings(values, array):
    """An array of the values of a server that tells no dtype."""
    if not array.size or array.dtype.kind in "biuf":
        return array
    return _strings(values)


def _strings(values):
    """Text, or bytes where the server sent base64."""
    array = np.array(values, object)
    if not all(isinstance(value, str) or _is_base64(value) for value in array.flat):
        raise EndpointError("The endpoint must answer with strings, in rows of equal length. "
                            "Received: something else")
    decoded = [
        base64.b64decode(value["b64"]) if isinstance(value, dict) else value for value in array.flat
    ]
    result = np.empty(array.size, object)
    result[:] = decoded
    return result.reshape(array.shape)


def _is_base64(value):
    return isinstance(value, dict) and isinstance(value.get("b64"), str)
