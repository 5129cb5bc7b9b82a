"""The REST API: statuses, headers, requests for the version, and JSON of any kind."""
import datetime
import email.utils
import time

import numpy as np
import pytest

from attacks.endpoint.config import RetryPolicy
from attacks.endpoint.config import Secret
from attacks.endpoint.failures import DeniedError
from attacks.endpoint.failures import EndpointError
from attacks.endpoint.failures import InDoubtError
from attacks.endpoint.failures import RefusedError
from attacks.endpoint.failures import RequestFailedError
from attacks.endpoint.transport import http_failures
from tests.attacks.endpoint.scripted import METADATA
from tests.attacks.endpoint.scripted import Reply
from tests.attacks.endpoint.scripted import ScriptedServer
from tests.attacks.endpoint.scripted import states
from tests.attacks.endpoint.served import X

ANSWER = Reply({"predictions": X.astype(float).tolist()})
SECRET = "s3cr&t-token"
FAILURE = (EndpointError, RequestFailedError)


@pytest.fixture
def script(asked):
    """Makes a server with scripted replies, and an endpoint that asks it."""
    servers = []

    def make(*predicts, changes=None, **replies):
        servers.append(ScriptedServer(predict=list(predicts) or [ANSWER], **replies))
        server = servers[-1].__enter__()
        return server, asked(server.url, **(changes or {}))

    yield make
    for server in servers:
        server.__exit__()


STATUSES = [
    (Reply({"error": "busy"}, 429), RefusedError, "status 429: busy"),
    (Reply({"error": "Overloaded"}, 503), RefusedError, "status 503: Overloaded"),
    (Reply(b"upstream connect error or Disconnect/RESET before headers", 503), InDoubtError, "503"),
    (Reply(b"no healthy upstream", 503), RefusedError, "no healthy upstream"),
    (Reply(b"quota resets in 30 s", 503), RefusedError, "quota resets"),
    (Reply(b"connection reset by peer", 429), RefusedError, "status 429: connection"),
    (Reply(b"<h1>Bad Gateway</h1>", 502), InDoubtError, "Bad Gateway"),
    (Reply(b"", 504), InDoubtError, "status 504$"),
    (Reply(b"who are you", 401), DeniedError, "status 401: who are you"),
    (Reply({"error": "not you"}, 403), DeniedError, "status 403: not you"),
    (Reply({"error": "no such model"}, 404), DeniedError, "status 404"),
    (Reply(b"too slow", 408), EndpointError, "status 408: too slow"),
    (Reply({"error": 7}, 500), EndpointError, 'status 500: {"error": 7}'),
    (Reply(b"x" * 5000, 500), EndpointError, "status 500: x{300}$"),
    (Reply(b"\xff\xfe", 500), EndpointError, r"status 500: \\udcff\\udcfe$"),
    (Reply(b"a\x1b[2J\x07\xc2\x9b b\r\n\xe2\x80\xae", 500), EndpointError,
     r"status 500: a\\x1b\[2J\\x07\\x9b b \\u202e$"),
    (Reply(b"", 204), EndpointError, "status 204"),
]  # yapf: disable


@pytest.mark.parametrize("reply,failure,message", STATUSES)
def test_statuses(reply, failure, message, script):
    server, endpoint = script(reply)
    with pytest.raises(failure, match=message):
        endpoint.predict(X)
    assert server.asked("predict") == 1


@pytest.mark.parametrize("status", [408, 500])
def test_further_statuses_are_retried_on_request(status, script):
    """As rows in doubt: the model may have run."""
    _, endpoint = script(Reply(b"", status),
                         changes={"retry": RetryPolicy(2, 1e-3, 1e-3, (408, 500))})
    with pytest.raises(InDoubtError, match=f"status {status}$"):
        endpoint.predict(X)


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_redirects_are_not_followed(status, script):
    elsewhere, _ = script()
    server, endpoint = script(Reply(b"", status, {"Location": f"{elsewhere.url}:predict"}))
    with pytest.raises(DeniedError, match=f"status {status}; redirects are not followed"):
        endpoint.predict(X)
    assert not elsewhere.requests and server.asked("predict") == 1


@pytest.mark.parametrize("text,seconds", [("7", 7), ("-3", 0), ("0", 0), (" 2 ", 2), ("", None),
                                          (None, None), ("soon", None), ("nan", None),
                                          ("inf", None), ("1e9", None), ("0.5", 0.5),
                                          ("9" * 400, 365 * 86400), ("\u0663", None),
                                          ("Fri, 31 Dec 9999 23:59:59 -2359", 365 * 86400),
                                          ("Fri, 31 Dec 9999 23:59:59 GMT", 365 * 86400),
                                          ("Wed, 21 Oct 2015 07:28:00 GMT", 0)])
def test_retry_after_is_read(text, seconds, script):
    assert http_failures.retry_after_s(text) == seconds
    if text and not text.isascii():
        return
    _, endpoint = script(Reply(b"", 429, {} if text is None else {"Retry-After": text}))
    with pytest.raises(RefusedError) as error:
        endpoint.predict(X)
    assert error.value.retry_after_s == seconds


def test_the_server_may_ask_to_wait_until_a_date():
    date = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=1)
    text = email.utils.format_datetime(date, usegmt=True)
    assert 3590 < http_failures.retry_after_s(text) <= 3600


BAD_BODIES = [
    (Reply(b"", 200), InDoubtError, "not complete JSON: nothing"),
    (Reply(b'{"predictions": [[1,', 200), InDoubtError, "not complete JSON"),
    (Reply(b"[" * 100_000, 200), InDoubtError, "not complete JSON"),
    (Reply(b'{"predictions": [', length=10_000), InDoubtError, "IncompleteRead"),
    (Reply(b"zz", headers={"Content-Encoding": "gzip"}), InDoubtError, "decod"),
    (Reply(b"<!DOCTYPE html><title>Log in</title>"), DeniedError, "must answer with JSON.*Log in"),
    (Reply(b"\n <html>"), DeniedError, "a page, such as that of a login"),
    (Reply(b"\xef\xbb\xbf<html>"), DeniedError, "Received: a page.*: <html>$"),
    (Reply(b"OK"), EndpointError, "must answer with JSON. Received: OK"),
    (Reply(b"{'predictions': [[1]]}"), EndpointError, "must answer with JSON"),
    (Reply(b"NaN, 1"), EndpointError, "must answer with JSON"),
    (Reply([1]), EndpointError, "must answer with predictions. Received: JSON without them"),
    (Reply({"predictions": 0.5}), EndpointError, "3 inputs with 3 rows. Received: float"),
    (Reply({"predictions": [[1], [2]]}), EndpointError, "3 rows. Received: 2 rows"),
    (Reply({"predictions": [[1], [2], [3, 4]]}), EndpointError, "rows of different lengths"),
    (Reply({"predictions": [["a"]] * 3}), EndpointError, "must answer with float32.*Received: <U1"),
    (Reply({"predictions": [[None]] * 3}), EndpointError, "float32, as its signature says"),
    (Reply({"predictions": [[{"y": 1}]] * 3}), EndpointError, "float32, as its signature says"),
]  # yapf: disable


@pytest.mark.parametrize("reply,failure,message", BAD_BODIES)
def test_other_bodies_than_answers_fail(reply, failure, message, script):
    _, endpoint = script(reply)
    with pytest.raises(failure, match=message):
        endpoint.predict(X)


def test_a_byte_order_mark_is_no_part_of_json(script):
    mark = b"\xef\xbb\xbf"
    _, endpoint = script(Reply(mark + b'{"predictions": [[1], [2], [3]]}'),
                         Reply(mark + b'{"error": "busy"}', 429))
    np.testing.assert_array_equal(endpoint.predict(X)[0], [[1], [2], [3]])
    with pytest.raises(RefusedError, match="status 429: busy$"):
        endpoint.predict(X)


@pytest.mark.parametrize("length", [None, -1])
def test_the_whole_answer_must_come_in_time(length, script):
    """Each byte comes in time, the last one would come after 4 s."""
    _, endpoint = script(Reply(b'{"predictions": [[1]]}' + b" " * 60, drip_s=0.05, length=length),
                         changes={"timeout_s": 0.5})
    endpoint.signature(), endpoint.version()
    start = time.monotonic()
    with pytest.raises(InDoubtError, match="took longer than 0.5 s"):
        endpoint.predict(X)
    assert time.monotonic() - start < 2


def test_secrets_are_sent_and_never_shown(script, monkeypatch, tmp_path):
    """Even if the server repeats them, a message is shortened, or ~/.netrc has others."""
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login thief password wrong\n")
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("TOKEN", SECRET)
    (tmp_path / "key").write_text("k-e-y\n")
    secrets = {"token": Secret("env:TOKEN"), "headers": {"X-Key": Secret(f"file:{tmp_path}/key")}}
    said = ["x" * 290 + f"Bearer {SECRET}", f"{{'token': {SECRET}}}, k-e-y", "s3cr&amp;t-token",
            "s3cr%26t-token"]  # yapf: disable
    server, endpoint = script(
        *(Reply(text.encode(), status) for text in said for status in (200, 401, 429, 503)),
        changes=secrets)
    for _ in range(4 * len(said)):
        with pytest.raises(FAILURE) as error:
            endpoint.predict(X)
        shown = f"{error.value!r} {error.value.__cause__!r}"
        assert "***" in shown
        assert not any(part in shown for part in (SECRET, "s3cr", "k-e-y"))
    assert {kind for kind, _ in server.requests} == {"metadata", "status", "predict"}
    for _, headers in server.requests:
        assert headers["Authorization"] == f"Bearer {SECRET}" and headers["X-Key"] == "k-e-y"
    assert SECRET not in repr(endpoint.config)


def test_without_a_token_netrc_is_not_read_either(script, monkeypatch, tmp_path):
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login user password mine\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    server, endpoint = script()
    endpoint.predict(X)
    assert not any("Authorization" in headers for _, headers in server.requests)


def test_cookies_are_not_kept(script):
    server, endpoint = script(Reply(ANSWER.body, headers={"Set-Cookie": "id=1"}))
    endpoint.predict(X), endpoint.predict(X)
    assert not any("Cookie" in headers for _, headers in server.requests)


def test_polls_are_retried_and_a_failed_one_loses_no_answer(script):
    down = Reply(b"", 503)
    server, endpoint = script(status=[Reply(states(4, 2)), down, down, Reply(states(5)), down])
    assert endpoint.version() == "4"
    outputs, version = endpoint.predict(X)
    assert version is None and server.asked("status") == 1  # No poll delays an answer.
    np.testing.assert_array_equal(outputs, X)
    assert endpoint.version_now() == "5" and server.asked("status") == 4
    assert endpoint.version_now() is None


def test_a_pinned_version_is_not_polled(script, asked):
    server, _ = script()
    endpoint = asked(f"{server.url}/versions/1")
    for _ in range(3):
        assert endpoint.predict(X)[1] == "1"
    assert server.asked("status") == 1


@pytest.mark.parametrize("reply", [
    Reply({"error": "hidden"}, 404), Reply(b"", 405), Reply(b"", 501), Reply({}), Reply([]),
    Reply({"name": "model", "ready": True}),
    Reply({"model_version_status": [{"version": "a", "state": "b"}]})
])  # yapf: disable
def test_the_version_of_a_server_without_states_is_unknown(reply, script, asked):
    """Unless it is pinned; the server is then asked for its signatures instead."""
    server, endpoint = script(status=[reply])
    assert endpoint.version() == "unknown"
    assert endpoint.predict(X)[1] == "unknown" and server.asked("status") == 1
    assert asked(f"{server.url}/versions/1").version() == "1"


def test_requests_for_signature_and_version_are_retried(script):
    busy = Reply(b"", 429)
    server, endpoint = script(metadata=[busy, busy, Reply(METADATA)])
    assert endpoint.signature().input_name == "x" and server.asked("metadata") == 3
    server, endpoint = script(status=[busy], changes={"retry": RetryPolicy(3, 1e-4, 1e-4)})
    with pytest.raises(EndpointError,
                       match="failed 4 times in a row.* The last failure: status 429"):
        endpoint.version()
    assert server.asked("status") == 4


def test_a_name_that_does_not_resolve_fails_at_once(asked):
    endpoint = asked("http://no-such-host.invalid/v1/models/model", retry=RetryPolicy(8, 60, 60))
    with pytest.raises(EndpointError, match="must be an address that can be reached.*no-such-host"):
        endpoint.signature()


def test_tls_to_a_server_without_tls_is_refused(script, asked):
    server, _ = script()
    with pytest.raises(EndpointError, match="`ca_file`.* must trust|times in a row"):
        asked(server.url.replace("http:", "https:"), retry=RetryPolicy(0)).signature()


def test_a_retry_after_of_hours_ends_the_request(script):
    """Even if the request costs nothing."""
    server, endpoint = script(metadata=[Reply(b"", 503, {"Retry-After": "86400"})])
    with pytest.raises(EndpointError, match="asks to wait for 86400 s"):
        endpoint.signature()
    assert server.asked("metadata") == 1
