"""Tensors as the JSON of TensorFlow Serving's REST API, in rows and in columns."""
import base64
import json

import numpy as np
import tensorflow as tf

from tests.serving.status import invalid

# What JSON can hold; the server refuses the rest.
FLOATS = (tf.float32, tf.float64)
INTEGERS = (tf.int8, tf.uint8, tf.int16, tf.int32, tf.uint32, tf.int64, tf.uint64)
BYTES = "_bytes"


def parse(body):
    """The object that a request holds."""
    if not body:
        raise invalid("JSON Parse error: The document is empty")
    try:
        request = json.loads(body)
    except ValueError as error:
        raise invalid(f"JSON Parse error: {error}") from error
    if not isinstance(request, dict):
        raise invalid(f"JSON Value: {shown(request)} Is not object")
    if not isinstance(request.get("signature_name", ""), str):
        raise invalid(f"JSON Value: {shown(request)} not formatted correctly. 'signature_name' key "
                      "must be a string value.")
    if {"instances", "inputs"} <= request.keys():
        raise invalid(f"JSON Value: {shown(request)} Not formatted correctly expecting only one of "
                      "'inputs' or 'instances' keys to exist")
    if not {"instances", "inputs"} & request.keys():
        raise invalid("Missing 'inputs' or 'instances' key")
    return request


def decode(request, infos):
    """The arrays of a request by name; `infos` are the inputs of the signature."""
    columns = rows_to_columns if "instances" in request else named_columns
    value = request["instances" if "instances" in request else "inputs"]
    return {
        name: as_array(column, tf.as_dtype(infos[name].dtype))
        for name, column in columns(value, infos).items()
    }


def rows_to_columns(rows, infos):
    if not isinstance(rows, list):
        raise invalid(f"JSON Value: {shown(rows)} Excepting 'instances' to be an list/array")
    if not rows:
        raise invalid("No values in 'instances' array")
    named = is_object(rows[0])
    if not named and len(infos) > 1:
        raise invalid("instances is a plain list, but expecting list of objects as multiple input "
                      "tensors required as per tensorinfo_map")
    for index, row in enumerate(rows):
        if is_object(row) != named:
            raise invalid(f"Expecting {'object' if named else 'value/list'} but got "
                          f"{'list' if named else 'object'} at item {index} of input list")
        if named and row.keys() != set(infos):
            raise invalid(f"Failed to process element: {index} of 'instances' list. JSON object: "
                          f"{shown(row)} keys must be equal to: {','.join(sorted(infos))}")
    if not named:
        return {name: rows for name in infos}
    return {name: [row[name] for row in rows] for name in infos}


def named_columns(value, infos):
    if not is_object(value):
        if len(infos) > 1:
            raise invalid("inputs is a plain value/list, but expecting an object as multiple input "
                          "tensors required as per tensorinfo_map")
        return {name: value for name in infos}
    for name in infos:
        if name not in value:
            raise invalid(f"Missing named input: {name} in 'inputs' object.")
    return {name: value[name] for name in infos}


def is_object(value):
    """Whether it holds named values; base64 is a value."""
    return isinstance(value, dict) and not is_base64(value)


def is_base64(value):
    return value.keys() == {"b64"} and isinstance(value["b64"], str)


def as_array(value, dtype):
    """Nested lists as an array of exactly that type."""
    try:
        if dtype == tf.string:
            return rectangular(as_bytes(value))
        array = np.array(value)
    except ValueError as error:
        raise invalid(f"JSON Value: {shown(value)} is no tensor: {error}") from error
    kinds = {"b"} if dtype == tf.bool else {"i", "u"} if dtype in INTEGERS else {"i", "u", "f"}
    if dtype not in (*FLOATS, *INTEGERS, tf.bool) or array.size and array.dtype.kind not in kinds:
        raise invalid(f"JSON Value: {shown(value)} is not of expected type: {dtype.name}")
    if not is_lossless(array, dtype):
        raise invalid(f"Cannot convert JSON value: {shown(value)} to {dtype.name} without loss of "
                      "precision.")
    return array.astype(dtype.as_numpy_dtype)


def is_lossless(array, dtype):
    """Whether whole numbers and the magnitude are kept; decimals may be rounded."""
    if dtype == tf.bool:
        return True
    if dtype in INTEGERS:
        return ((array >= dtype.min) & (array <= dtype.max)).all()
    if array.dtype.kind != "f":
        digits = np.finfo(dtype.as_numpy_dtype).nmant + 1
        return (abs(array) < 2**digits).all()
    return (~np.isfinite(array) | (abs(array) <= dtype.max)).all()


def as_bytes(value):
    """Nested lists of strings, or of base64, as such of bytes."""
    if isinstance(value, list):
        return [as_bytes(item) for item in value]
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, dict) and is_base64(value):
        return base64.b64decode(value["b64"], validate=True)
    raise invalid(f"JSON Value: {shown(value)} is not of expected type: string")


def rectangular(value):
    """An array of objects, where NumPy by itself would take lists for some."""
    array = np.array(value, dtype=object)
    if any(isinstance(item, list) for item in array.ravel()):
        raise ValueError("the lists differ in length")
    return array


def encode(outputs, in_rows):
    """The bytes of an answer: a single output goes without its name."""
    key = "predictions" if in_rows else "outputs"
    if in_rows:
        check_rows(outputs)
    values = {name: as_json(name, array) for name, array in outputs.items()}
    if len(values) == 1:
        answer, = values.values()
    elif in_rows:
        answer = [dict(zip(values, row)) for row in zip(*values.values())]
    else:
        answer = values
    # Strings are passed on as they are, whether they are UTF-8 or not.
    return json.dumps({key: answer}, ensure_ascii=False).encode("utf-8", "surrogateescape")


def check_rows(outputs):
    sizes = set()
    for name, array in outputs.items():
        if not array.ndim:
            raise invalid(f"Tensor name: {name} has no shape information")
        sizes.add(len(array))
        if len(sizes) > 1:
            raise invalid(f"Tensor name: {name} has inconsistent batch size: {len(array)}")


def as_json(name, array):
    """Nested lists; names that end in `_bytes` are in base64."""
    dtype = tf.as_dtype(array.dtype)
    if dtype == tf.string:
        encoded = np.frompyfunc(as_base64 if name.endswith(BYTES) else as_text, 1, 1)(array)
        return np.asarray(encoded, dtype=object).tolist()
    if dtype == tf.float32:  # With the digits that it needs, not those of its float64.
        return array.astype("U").astype("float64").tolist()
    if dtype not in (tf.float64, tf.bool, *INTEGERS):
        raise invalid(f"Failed to write JSON value for tensor type: {dtype.name}")
    return array.tolist()


def as_base64(value):
    return {"b64": base64.b64encode(value).decode()}


def as_text(value):
    return value.decode("utf-8", "surrogateescape")


def shown(value):
    """For messages, not too long."""
    text = json.dumps(value)
    return text if len(text) < 200 else f"{text[:200]}..."
