"""Writes and reads the requests and answers of the Open Inference Protocol over REST."""

from collections.abc import Mapping
import json
from typing import Any

import numpy as np

from attacks.endpoint.endpoint import Signature
from attacks.endpoint.failures import EndpointError
from attacks.endpoint.v2 import tensors

# The length of the JSON, where bytes follow.
LENGTH = "Inference-Header-Content-Length"


def write_request(inputs: np.ndarray, signature: Signature, is_binary: bool) -> tuple[bytes, bytes]:
    """Writes a request.

    Args:
        inputs: Array `[n, ...]`.
        signature: The input and the output.
        is_binary: Whether tensors are sent as bytes after the JSON.

    Returns:
        The JSON, and the bytes.
    """
    tensor = {
        "name": signature.input_name,
        "shape": list(inputs.shape),
        "datatype": tensors.datatype_of(inputs.dtype),
    }
    body = b""
    if is_binary:
        body = tensors.to_bytes(inputs)
        tensor["parameters"] = {"binary_data_size": len(body)}
    else:
        tensor["data"] = inputs.ravel().tolist()
    request: dict[str, Any] = {"inputs": [tensor]}
    binary = {"parameters": {"binary_data": True}} if is_binary else {}
    if signature.output_name:
        request["outputs"] = [{"name": signature.output_name, **binary}]
    elif is_binary:
        request["parameters"] = {"binary_data_output": True}
    return json.dumps(request, separators=(",", ":")).encode(), body


def headers(request: bytes, is_binary: bool) -> dict[str, str]:
    """Returns the headers of a request."""
    if not is_binary:
        return {}
    return {"Content-Type": "application/octet-stream", LENGTH: str(len(request))}


def read_outputs(answer: Any, content: bytes) -> dict[str, np.ndarray]:
    """Reads the outputs of an answer, by name.

    Args:
        answer: The JSON.
        content: The bytes that follow it.

    Raises:
        EndpointError: If it is no answer of the protocol.
    """
    if not isinstance(answer, Mapping) or not isinstance(answer.get("outputs"), list):
        raise EndpointError("The endpoint must answer with outputs. Received: JSON without them")
    outputs, start = {}, 0
    for told in answer["outputs"]:
        try:
            name, datatype = str(told["name"]), str(told["datatype"])
            shape = tuple(map(int, told["shape"]))
            size = (told.get("parameters") or {}).get("binary_data_size")
            values = told["data"] if size is None else content[start:start + size]
        except (AttributeError, KeyError, TypeError, ValueError):
            raise EndpointError("The endpoint must answer with outputs of a name, a datatype, a "
                                "shape and data. Received: other JSON") from None
        start += size or 0
        read = tensors.from_values if size is None else tensors.from_bytes
        outputs[name] = read(values, datatype, shape)
    return outputs
