"""The REST API answers as documented, in rows and in columns, and refuses what it must."""
import http.client
import json

import numpy as np
import pytest

from tests.serving import clients
from tests.serving import served_model
from tests.serving.loaded import INIT
from tests.serving.loaded import Servable
from tests.serving.saved_models import DEFAULT

X = served_model.X
SINGLE = '{"signature_name": "single", %s}'
FORMATS = {"columns": clients.in_columns, "rows": clients.in_rows}
each_format = pytest.mark.parametrize("request_of", FORMATS.values(), ids=FORMATS)


@pytest.fixture(scope="module")
def servable(versions):
    return Servable(versions / "12")


def predict(server, request, version=""):
    return clients.post(f"{server.rest_url}{version}:predict", request)


@each_format
@pytest.mark.parametrize("name", served_model.INPUTS)
def test_answers_are_those_of_the_model(name, request_of, server, servable):
    """In the precision of their type."""
    inputs = served_model.INPUTS[name]
    outputs = servable.run(name, inputs)
    status, answer = predict(server, request_of(inputs, name))
    assert status == 200
    np.testing.assert_equal(clients.outputs_of(answer, outputs), outputs)


def test_only_several_outputs_have_names(server):
    """And only several inputs need them."""
    for name, columns, rows in (("single", list, list), (DEFAULT, dict, dict)):
        inputs = served_model.INPUTS[name]
        answer = predict(server, clients.in_columns(inputs, name))[1]
        assert list(answer) == ["outputs"] and isinstance(answer["outputs"], columns)
        answer = predict(server, clients.in_rows(inputs, name))[1]
        assert list(answer) == ["predictions"] and isinstance(answer["predictions"][0], rows)
    request = {"signature_name": "single", "inputs": X.tolist()}
    assert predict(server, request) == predict(server, clients.in_columns({"x": X}, "single"))
    request = {"signature_name": "single", "instances": [{"x": row} for row in X.tolist()]}
    assert predict(server, request) == predict(server, clients.in_rows({"x": X}, "single"))


def test_strings_are_text_but_where_the_name_says_bytes(server):
    request = {"signature_name": "words", "inputs": ["d\u00e9j\u00e0", {"b64": "YW50"}]}
    answer = predict(server, request)[1]["outputs"]
    assert answer["text"] == ["d\u00e9j\u00e0", "ant"]
    assert answer["raw_bytes"] == [{"b64": "ZMOpasOg"}, {"b64": "YW50"}]


def test_what_is_no_number_is_spelled_as_in_javascript(server):
    request = clients.in_columns({"x": served_model.NOT_FINITE}, "single")
    assert "[[NaN, Infinity, -Infinity]]" in json.dumps(request)
    np.testing.assert_array_equal(predict(server, request)[1]["outputs"], served_model.NOT_FINITE)


def test_a_float_is_written_with_the_digits_that_it_needs(server):
    """Not with those of the next float64."""
    answer = predict(server, clients.in_columns({"x": X[:1]}, "uneven"))[1]["outputs"]
    assert answer == {"all": [[0.1, 0.2, 0.3]], "first": [[0.1, 0.2, 0.3]]}


def test_the_default_signature_needs_no_name(server):
    request = clients.in_rows(served_model.INPUTS[DEFAULT])
    expected = predict(server, request)
    del request["signature_name"]
    assert predict(server, request) == expected


def test_a_connection_serves_one_request_after_another(server):
    """Errors do not end it."""
    connection = http.client.HTTPConnection(server.rest_url.split("/")[2], timeout=60)
    sockets = []
    for body in ("garbage", json.dumps(clients.in_rows({"x": X}, "single")), "[]"):
        connection.request("POST", "/v1/models/model:predict", body)
        connection.getresponse().read()
        sockets.append(connection.sock)
    assert len(set(sockets)) == 1 and sockets[0] is not None
    connection.close()


def test_the_status_of_versions(server):
    """Of all of them, the latest first, or of one."""

    def available(version):
        status = {"error_code": "OK", "error_message": ""}
        return {"version": version, "state": "AVAILABLE", "status": status}

    expected = {"model_version_status": [available("12"), available("3")]}
    assert clients.get(server.rest_url) == (200, expected)
    expected = {"model_version_status": [available("3")]}
    assert clients.get(f"{server.rest_url}/versions/3") == (200, expected)


def test_metadata_tell_the_version_and_the_signatures(server):
    """With the operation that initialises, which is none."""
    status, answer = clients.get(f"{server.rest_url}/metadata")
    assert status == 200 and answer["model_spec"]["name"] == served_model.NAME
    assert answer["model_spec"]["version"] == "12"
    signatures = answer["metadata"]["signature_def"]["signature_def"]
    assert set(signatures) == {*served_model.INPUTS, "mean", "uneven", INIT}
    x = signatures[DEFAULT]["inputs"]["x"]
    assert x["dtype"] == "DT_FLOAT"
    assert [dim["size"] for dim in x["tensor_shape"]["dim"]] == ["-1", "3"]
    older = clients.get(f"{server.rest_url}/versions/3/metadata")[1]
    assert older["model_spec"]["version"] == "3"


# A request, and what the answer with status 400 says.
REFUSED = {
    "empty": ("", "document is empty"),
    "garbage": ("inputs = [1]", "JSON Parse error"),
    "list": ("[1]", "not object"),
    "no_inputs": ("{}", "Missing 'inputs' or 'instances' key"),
    "both": ('{"inputs": [], "instances": []}', "only one of"),
    "signature": ('{"signature_name": "none", "inputs": 1}', '"none" not found'),
    "signature_number": ('{"signature_name": 1, "inputs": 1}', "must be a string"),
    "plain_rows": ('{"instances": [1]}', "expecting list of objects"),
    "plain_columns": ('{"inputs": [1]}', "expecting an object"),
    "missing_in_row": ('{"instances": [{"x": [1, 2, 3]}]}', "scale"),
    "missing_column": ('{"inputs": {"x": [[1, 2, 3]]}}', "Missing named input: scale"),
    "no_list": (SINGLE % '"instances": 1', "list/array"),
    "no_rows": (SINGLE % '"instances": []', "No values"),
    "other_name": (SINGLE % '"instances": [{"y": [1, 2, 3]}]', "y"),
    "mixed_rows": (SINGLE % '"instances": [{"x": [1, 2, 3]}, [1, 2, 3]]', "got list at item 1"),
    "mixed_objects": (SINGLE % '"instances": [[1, 2, 3], {"x": 1}]', "got object at item 1"),
    "text": (SINGLE % '"inputs": [["1", "2", "3"]]', "not of expected type: float"),
    "null": (SINGLE % '"inputs": [[1, 2, null]]', "not of expected type: float"),
    "flag": (SINGLE % '"inputs": [[true, true, false]]', "not of expected type: float"),
    "object": (SINGLE % '"inputs": [[{}, {}, {}]]', "not of expected type: float"),
    "large": (SINGLE % '"inputs": [[1e39, 0, 0]]', "without loss of precision"),
    "whole": (SINGLE % '"inputs": [[16777216, 0, 0]]', "without loss of precision"),
    "ragged": (SINGLE % '"instances": [[1, 2, 3], [1, 2]]', ""),
    "size": (SINGLE % '"instances": [[1, 2]]', ""),
    "rank": (SINGLE % '"inputs": [1, 2, 3]', ""),
    "number": ('{"signature_name": "words", "inputs": [1]}', "not of expected type: string"),
    "base64": ('{"signature_name": "words", "inputs": [{"b64": "?"}]}', ""),
    "ragged_text": ('{"signature_name": "words", "inputs": ["a", ["b"]]}', ""),
    "scalar": ('{"signature_name": "mean", "instances": [[1, 2, 3]]}', "no shape information"),
    "uneven": ('{"signature_name": "uneven", "instances": [[1, 2, 3], [4, 5, 6]]}', "batch size"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_does_not_fit_is_refused(name, server):
    request, message = REFUSED[name]
    status, answer = predict(server, request.encode())
    assert status == 400 and list(answer) == ["error"] and message in answer["error"]


@pytest.mark.parametrize("name,value", [("whole", 0.5), ("small", 2**31), ("flag", 1)])
def test_integers_and_flags_are_not_rounded(name, value, server):
    request = clients.in_columns(served_model.INPUTS["types"], "types")
    request["inputs"][name] = [value]
    status, answer = predict(server, request)
    assert status == 400 and "error" in answer


@pytest.mark.parametrize("path,status", [("model", 200), ("other", 404), ("model/versions/4", 404),
                                         ("model/versions/x", 400), ("model:predict", 400)])
def test_what_is_not_there_has_no_status(path, status, server):
    """Another model, another version; what is no such path is malformed."""
    assert clients.get(server.rest_url.removesuffix("model") + path)[0] == status


@pytest.mark.parametrize("path,status", [("model:predict", 200), ("other:predict", 404),
                                         ("model/versions/4:predict", 404), ("model:praise", 400)])
def test_what_is_not_there_does_not_predict(path, status, server):
    request = clients.in_rows({"x": X}, "single")
    assert clients.post(server.rest_url.removesuffix("model") + path, request)[0] == status


def test_a_version_can_be_chosen(server):
    latest, older = (predict(server, clients.in_columns({"x": X}, "single"), version)[1]["outputs"]
                     for version in ("", "/versions/3"))
    np.testing.assert_allclose(np.float32(latest), 4 * np.float32(older), rtol=1e-6)
