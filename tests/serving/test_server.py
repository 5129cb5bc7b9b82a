"""The server of the tests serves the versions that are there, counts, and fails as it is told."""
from concurrent import futures
import http.client
import importlib.util
import shutil
import socket

import numpy as np
import pytest

from tests.serving import clients
from tests.serving import served_model
from tests.serving import server as server_module
from tests.serving.fault import Call
from tests.serving.fault import Fault
from tests.serving.saved_models import BROKEN
from tests.serving.server import ModelServer

X = served_model.X
REQUEST = clients.in_columns({"x": X}, "single")
needs_grpc = pytest.mark.skipif(not importlib.util.find_spec("tensorflow_serving"),
                                reason="tensorflow-serving-api is not installed")


def predict(server):
    """By REST: the status and the answer."""
    return clients.post(f"{server.rest_url}:predict", REQUEST)


def grpc_client(server):
    from tests.serving.grpc_client import GrpcClient
    return GrpcClient(server.grpc_address)


def version_of(server):
    """As the answer tells it."""
    return round(np.divide(predict(server)[1]["outputs"], X)[0, 0])


def test_polls_find_new_versions_and_forget_old_ones(versions, tmp_path):
    """The highest number wins; other folders are none."""
    shutil.copytree(versions / "3", tmp_path / "3")
    shutil.copytree(versions / "12", tmp_path / "new")
    with ModelServer(tmp_path) as server:
        assert version_of(server) == 3
        (tmp_path / "new").rename(tmp_path / "00012")
        assert version_of(server) == 3
        server.poll()
        assert version_of(server) == 12
        (tmp_path / "00012").rename(tmp_path / "old")
        server.poll()
        assert version_of(server) == 3
        assert clients.get(f"{server.rest_url}/versions/12")[0] == 404


@pytest.mark.parametrize("name", ["no_pb", "truncated_pb", "truncated_variables"])
def test_a_broken_version_is_not_served(name, versions, tmp_path):
    """But the one before it is, and the status tells."""
    shutil.copytree(versions / "3", tmp_path / "3")
    BROKEN[name](tmp_path / "4")
    with ModelServer(tmp_path) as server:
        assert version_of(server) == 3
        (status,) = clients.get(f"{server.rest_url}/versions/4")[1]["model_version_status"]
        assert status["state"] == "END" and status["status"]["error_message"]


def test_nothing_to_serve_is_not_found(tmp_path):
    with ModelServer(tmp_path) as server:
        status, answer = predict(server)
        assert status == 404 and "Latest(model)" in answer["error"]


def test_without_grpc_there_is_rest(versions, monkeypatch):
    monkeypatch.setattr(server_module, "GrpcFrontend", None)
    with ModelServer(versions) as server:
        assert server.grpc_address is None
        assert version_of(server) == 12


def test_requests_and_the_rows_of_answers_are_counted(versions):
    with ModelServer(versions) as server:
        predict(server)
        assert (server.requests, server.rows) == (1, len(X))
        clients.post(f"{server.rest_url}:predict", b"garbage")
        assert (server.requests, server.rows) == (2, len(X))
        clients.get(server.rest_url)
        assert (server.requests, server.rows) == (2, len(X))


def test_requests_at_once_are_counted_too(versions):
    with ModelServer(versions) as server, futures.ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda _: predict(server), range(40)))
        assert all(answer == answers[0] for answer in answers) and answers[0][0] == 200
        assert (server.requests, server.rows) == (40, 40 * len(X))


@needs_grpc
def test_both_protocols_are_counted_together(versions):
    calls = []
    with ModelServer(versions, fault=calls.append) as server, grpc_client(server) as client:
        predict(server)
        client.predict({"x": X[:1]}, "single")
        assert (server.requests, server.rows) == (2, len(X) + 1)
    assert calls == [Call("rest", 0), Call("grpc", 1)]


def test_it_ends_with_its_connections(versions):
    """A connection that is kept alive ends too."""
    with ModelServer(versions) as server:
        address = server.rest_url.split("/")[2]
        connection = http.client.HTTPConnection(address, timeout=60)
        connection.request("GET", "/v1/models/model")
        connection.getresponse().read()
    with pytest.raises(ConnectionError):
        connection.request("GET", "/v1/models/model")
        connection.getresponse()
    connection.close()
    host, port = address.split(":")
    with pytest.raises(ConnectionError):
        socket.create_connection((host, int(port)))


def first(fault):
    """A hook that strikes once."""
    return lambda call: fault if call.number == 0 else None


@pytest.mark.parametrize("status", [429, 502, 503])
def test_a_refusal_costs_no_rows(status, versions):
    with ModelServer(versions, fault=first(Fault(status=status, retry_after_s=7))) as server:
        connection = http.client.HTTPConnection(server.rest_url.split("/")[2], timeout=60)
        connection.request("POST", "/v1/models/model:predict", "{}")
        answer = connection.getresponse()
        assert answer.status == status and answer.headers["Retry-After"] == "7"
        connection.close()
        assert (server.requests, server.rows) == (1, 0)
        assert predict(server)[0] == 200


def test_a_reset_comes_before_the_answer_but_after_its_rows(versions):
    with ModelServer(versions, fault=first(Fault(cut="reset"))) as server:
        with pytest.raises(ConnectionResetError):
            predict(server)
        assert server.rows == len(X)
        assert predict(server)[0] == 200


def test_a_truncated_answer_ends_early(versions):
    with ModelServer(versions, fault=first(Fault(cut="truncate"))) as server:
        with pytest.raises(http.client.IncompleteRead):
            predict(server)
        assert server.rows == len(X)
        assert predict(server)[0] == 200


def test_an_answer_can_be_late(versions):
    """Later than a client waits; the others are not held up, nor is the end of the server."""
    with ModelServer(versions, fault=first(Fault(delay_s=3600))) as server:
        connection = http.client.HTTPConnection(server.rest_url.split("/")[2], timeout=0.2)
        connection.request("POST", "/v1/models/model:predict", "{}")
        with pytest.raises(TimeoutError):
            connection.getresponse()
        connection.close()
        assert predict(server)[0] == 200


GRPC_FAULTS = {
    "429": (Fault(status=429), "RESOURCE_EXHAUSTED", 0),
    "503": (Fault(status=503), "UNAVAILABLE", 0),
    "reset": (Fault(cut="reset"), "UNAVAILABLE", len(X)),
    "truncate": (Fault(cut="truncate"), "INTERNAL", len(X)),
}


@needs_grpc
@pytest.mark.parametrize("name", GRPC_FAULTS)
def test_faults_of_grpc(name, versions):
    """Each as the code that a client sees."""
    from tests.serving.grpc_client import refused
    fault, code, rows = GRPC_FAULTS[name]
    with ModelServer(versions, fault=first(fault)) as server, grpc_client(server) as client:
        with refused(code):
            client.predict({"x": X}, "single")
        assert server.rows == rows
        client.predict({"x": X}, "single")


@pytest.mark.parametrize("options,message",
                         [(dict(status=418), "status must be one of .*received 418"),
                          (dict(cut="off"), "cut must be one of .*received 'off'")])
def test_a_fault_is_one_that_there_is(options, message):
    with pytest.raises(ValueError, match=message):
        Fault(**options)
