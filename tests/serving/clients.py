"""What a client of a server does: requests and their answers, as they are on the wire."""
import base64
import contextlib
import http.client
import json
import urllib.parse

import numpy as np


def get(url):
    """The HTTP status and the JSON of the answer."""
    return exchange(url, "GET")


def post(url, request):
    """The same of a request: an object, or bytes."""
    return exchange(url, "POST", request if isinstance(request, bytes) else json.dumps(request))


def exchange(url, method, body=None):
    parts = urllib.parse.urlsplit(url)
    with contextlib.closing(http.client.HTTPConnection(parts.netloc, timeout=60)) as connection:
        connection.request(method, parts.path, body)
        answer = connection.getresponse()
        # Strings that are no UTF-8 are answered with as they are.
        return answer.status, json.loads(answer.read().decode("utf-8", "surrogateescape"))


def in_columns(inputs, signature_name="serving_default"):
    """A request in the column format."""
    columns = {name: as_json(array) for name, array in inputs.items()}
    return {"signature_name": signature_name, "inputs": columns}


def in_rows(inputs, signature_name="serving_default"):
    """A request in the row format; a single input goes without its name."""
    columns = [as_json(array) for array in inputs.values()]
    rows = columns[0] if len(columns) == 1 else [
        dict(zip(inputs, row)) for row in zip(*columns, strict=True)
    ]
    return {"signature_name": signature_name, "instances": rows}


def as_json(array):
    """Nested lists, strings in base64."""
    array = np.asarray(array)
    if array.dtype.kind in "OSU":
        array = np.asarray(np.frompyfunc(as_base64, 1, 1)(array), dtype=object)
    return array.tolist()


def as_base64(value):
    content = value if isinstance(value, bytes) else value.encode()
    return {"b64": base64.b64encode(content).decode()}


def outputs_of(answer, like):
    """Arrays by the name of the output, in the types of those in `like`, from either format."""
    if "outputs" in answer:
        values = answer["outputs"] if len(like) > 1 else dict.fromkeys(like, answer["outputs"])
    else:
        rows = answer["predictions"]
        values = {name: [row[name] if len(like) > 1 else row for row in rows] for name in like}
    return {name: as_array(values[name], array.dtype) for name, array in like.items()}


def as_array(value, dtype):
    """Of nested lists, of which strings become bytes."""
    if dtype != object:
        return np.array(value).astype(dtype)
    return np.array(as_bytes(value), dtype=object)


def as_bytes(value):
    if isinstance(value, list):
        return [as_bytes(item) for item in value]
    if isinstance(value, dict):
        return base64.b64decode(value["b64"])
    return value.encode("utf-8", "surrogateescape")
