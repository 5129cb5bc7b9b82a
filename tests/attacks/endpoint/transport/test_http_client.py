"""What HTTP offers beside statuses: redirects, keys in the query, client certificates, sockets."""
from concurrent import futures
import logging
import socket
import ssl
import time

import pytest
import urllib3

from attacks.endpoint.address import Address
from attacks.endpoint.config import EndpointConfig
from attacks.endpoint.config import Secret
from attacks.endpoint.endpoint import connect
from attacks.endpoint.failures import DeniedError
from attacks.endpoint.failures import EndpointError
from attacks.endpoint.failures import InDoubtError
from attacks.endpoint.failures import mentions_connection
from attacks.endpoint.failures import NotReachedError
from attacks.endpoint.failures import RefusedError
from attacks.endpoint.failures import WaitError
from attacks.endpoint.settings.connection import Connection
from attacks.endpoint.settings.meanings import Meaning
from attacks.endpoint.settings.meanings import Meanings
from attacks.endpoint.transport import http_client
from attacks.endpoint.transport.http_client import HttpClient
from attacks.endpoint.transport.redirects import Place
from tests.attacks.endpoint.scripted import Reply
from tests.attacks.endpoint.scripted import ScriptedServer

SECRET = "s3cr&t key/+"


@pytest.fixture
def key(monkeypatch):
    """A key in the query, and a token."""
    monkeypatch.setenv("KEY", SECRET)
    return {"connection": Connection({"key": Secret("env:KEY")}, follow_redirects=True),
            "token": Secret("env:KEY")}  # yapf: disable


def client(url, **options):
    options.setdefault("timeout_s", 5.0)
    return HttpClient(EndpointConfig(Address.parse(url), **options))


def test_a_key_is_sent_in_the_query_and_never_shown(key, caplog):
    """Even by a connection that cannot be made, or in the log of what is sent."""
    caplog.set_level(logging.DEBUG)
    replies = iter([Reply({"ok": 1}), Reply(b"?key=s3cr%26t+key%2F%2B s3cr%26t%20key%2F%2B", 500)])
    with ScriptedServer(lambda request: next(replies)) as server:
        asking = client(server.url, **key)
        assert asking.post(server.url, b"{}") == {"ok": 1}
        assert server.received[0].path.endswith("/v1/models/model?key=s3cr%26t+key%2F%2B")
        with pytest.raises(EndpointError, match=r"status 500: \?key=\*\*\* \*\*\*$"):
            asking.get(server.url)
    with pytest.raises((NotReachedError, InDoubtError)) as error:
        asking.get(server.url)
    asking.close()
    assert "s3cr" not in f"{error.value}{caplog.text}" and "key=***" in caplog.text


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_followed_on_request_with_the_same_request(status, key):
    moved = Reply(b"", status, {"Location": "/there?a=1&key=other"})

    def answer(request):
        return moved if request.path.startswith("/here") else Reply({"ok": 1})

    with ScriptedServer(answer) as server:
        url = f"http://{server.address}/here"
        assert client(server.url, **key).post(url, b"[1]") == {"ok": 1}
        last = server.received[-1]
        assert last.method == "POST" and last.body == b"[1]"
        assert last.path == "/there?a=1&key=s3cr%26t+key%2F%2B"
        assert last.headers["Authorization"] == f"Bearer {SECRET}"
        with pytest.raises(DeniedError,
                           match=f"status {status}; redirects are not followed unless"):
            client(server.url).post(url, b"[1]")


def test_secrets_are_not_sent_to_another_host(key):
    with ScriptedServer(lambda request: Reply({"ok": 1})) as other:
        moved = Reply(b"", 307, {"Location": f"{other.url}?key=echoed"})
        with ScriptedServer(lambda request: moved) as server:
            assert client(server.url, **key).post(server.url, b"[1]") == {"ok": 1}
        request, = other.received
        assert "key" not in request.path and "Authorization" not in request.headers


@pytest.mark.parametrize("location, message", [
    ("/loop", "redirect at most 5 times"),
    ("ftp://host/", "Received: status 307 to ftp://host"),
])
def test_redirects_that_are_not_followed(location, message, key):
    moved = Reply(b"", 307, {"Location": location})
    with ScriptedServer(lambda request: moved) as server:
        with pytest.raises(DeniedError, match=message):
            client(server.url, **key).get(server.url)
    assert len(server.received) == (6 if location == "/loop" else 1)


@pytest.mark.parametrize("url, status, location, expected", [
    ("http://a/x", 307, "/y", Place("http://a/y")),
    ("http://a/x", 307, "y?b=1&k=2#f", Place("http://a/y?b=1")),
    ("http://a/x", 307, "https://a/x", Place("https://a/x")),
    ("http://a:8/x", 307, "https://a:9/x", Place("https://a:9/x")),
    ("http://a/x", 307, "http://a:9/x", Place("http://a:9/x", False)),
    ("http://a:80/x", 307, "http://A/y", Place("http://A/y")),
    ("https://a:443/x", 307, "https://a/y", Place("https://a/y")),
    ("https://a/x", 307, "https://a:443/y", Place("https://a:443/y")),
    ("https://a:80/x", 307, "https://a/y", Place("https://a/y", False)),
    ("https://a/x", 307, "https://b/x", Place("https://b/x", False)),
    ("http://a/x", 307, "https://b/x", Place("https://b/x", False)),
    ("https://a/x", 307, "http://a/x", None),
    ("http://a/x", 303, "/y", None),
    ("http://a/x", 307, "file:///etc/passwd", None),
    ("http://a/x", 307, "http://a:80000/x", None),
    ("http://a/x", 307, "http://[a/x", None),
])
def test_where_a_redirect_leads(url, status, location, expected):
    if expected is None:
        with pytest.raises(DeniedError, match="redirect a request (as it is|to a URL)"):
            Place(url).redirected(status, location, ("k",))
    else:
        assert Place(url).redirected(status, location, ("k",)) == expected
    untrusted = Place("http://a/x", False)
    assert not untrusted.redirected(307, "/y", ()).is_trusted


def test_a_unix_socket(tmp_path, monkeypatch):
    """A proxy in the environment is not asked; a socket where nobody listens is not reached."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    path = tmp_path / "server.sock"
    with ScriptedServer(lambda request: Reply({"path": request.path}), path=path) as server:
        asking = client(server.url)
        for _ in range(2):
            url = Address.parse(server.url).url
            assert asking.post(url, b"{}") == {"path": "/v1/models/model"}
        assert server.received[0].headers["Host"] == "localhost"
        asking.close()
    path.unlink()
    with pytest.raises(NotReachedError, match="server.sock"):
        asking.get(url)
    silent = socket.socket(socket.AF_UNIX)
    silent.bind(str(path))
    silent.listen(1)
    with pytest.raises(InDoubtError):
        client(server.url, timeout_s=0.2).get(url)
    silent.close()


def test_a_client_certificate(certificate, tmp_path):
    """A server that wants one gets it; without it, the remedy is named."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    context.load_verify_locations(certificate[0])
    context.verify_mode = ssl.CERT_REQUIRED
    context.maximum_version = ssl.TLSVersion.TLSv1_2  # The handshake tells what is missing.
    with ScriptedServer(lambda request: Reply({"ok": 1}), tls=context) as server:
        shown = Connection(client_cert=certificate[0], client_key=certificate[1])
        trusted = {"ca_file": certificate[0]}
        assert client(server.url, connection=shown, **trusted).get(server.url) == {"ok": 1}
        together = tmp_path / "both.pem"
        together.write_text("".join(open(path).read() for path in certificate))
        both = Connection(client_cert=str(together))
        assert client(server.url, connection=both, **trusted).get(server.url) == {"ok": 1}
        with pytest.raises(EndpointError, match="`client_cert` must be a certificate that"):
            client(server.url, **trusted).get(server.url)


def test_invalid_certificates_are_refused(certificate, tmp_path):
    (tmp_path / "text").write_text("none")
    for options, message in (
        (dict(client_cert="nowhere"), "`client_cert` must be a file"),
        (dict(client_cert=certificate[0], client_key="nowhere"), "`client_key` must be a file"),
        (dict(client_key=certificate[1]), "`client_key` must be given with `client_cert`"),
        (dict(client_cert=certificate[0]), "`client_cert` must be a certificate in PEM, with its"),
        (dict(client_cert=str(tmp_path / "text")), "`client_cert` must be a certificate in PEM"),
        (dict(query={"": Secret("env:A")}), "`query` must be NAME=WHERE"),
        (dict(follow_redirects=1), "`follow_redirects` must be a boolean"),
    ):  # yapf: disable
        with pytest.raises(ValueError, match=message):
            Connection(**options)


@pytest.mark.parametrize("url", ["https://h/v1/models/m", "v2+grpcs://h/m"])
@pytest.mark.parametrize("begin", ["", "-----BEGIN CERTIFICATE-----"])
def test_other_files_than_certificates_are_not_trusted(begin, url, tmp_path):
    """Before anything is sent."""
    if "grpc" in url:
        pytest.importorskip("grpc")
    (tmp_path / "ca.pem").write_text(f"{begin}\nnone\n-----END CERTIFICATE-----\n")
    with pytest.raises(ValueError, match="`ca_file` must be certificates in PEM. .*ca.pem: SSLE"):
        connect(EndpointConfig(Address.parse(url), ca_file=str(tmp_path / "ca.pem")))


@pytest.mark.parametrize("scheme", ["http", "https", "http+unix"])
def test_all_headers_must_come_in_time(scheme, tmp_path, request):
    """Each of them comes in time, the last one would come after 4 s."""
    options, trusted = {}, {}
    if scheme == "http+unix":
        options["path"] = tmp_path / "server.sock"
    elif scheme == "https":
        certificate = request.getfixturevalue("certificate")
        options["tls"] = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        options["tls"].load_cert_chain(*certificate)
        trusted["ca_file"] = certificate[0]
    slow = Reply({"ok": 1}, headers={f"X-{number}": "y" for number in range(40)}, header_drip_s=0.1)
    with ScriptedServer(lambda request: slow, **options) as server:
        asking, start = client(server.url, timeout_s=0.5, **trusted), time.monotonic()
        with pytest.raises(InDoubtError, match="Read timed out"):
            asking.get(Address.parse(server.url).url)
        assert time.monotonic() - start < 2


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_request_may_take_longer_than_connecting(scheme, monkeypatch, request):
    """As large ones do on a slow line; nothing is read for some time here."""
    real, times = urllib3.util.connection.create_connection, []
    monkeypatch.setattr(urllib3.util.connection, "create_connection",
                        lambda to, time, **options: times.append(time) or real(to, **options))
    monkeypatch.setattr(http_client, "CONNECT_TIMEOUT_S", 0.3)
    listening, trusted = socket.create_server(("127.0.0.1", 0)), {}
    if scheme == "https":
        certificate = request.getfixturevalue("certificate")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate)
        listening, trusted = context.wrap_socket(listening, server_side=True), {
            "ca_file": certificate[0]
        }
    body = b" " * 2**24

    def serve():
        connection, _ = listening.accept()
        connection.settimeout(3)
        with connection, connection.makefile("rb") as received:
            for _ in range(2):
                time.sleep(0.6)
                while received.readline().strip():
                    pass
                received.read(len(body))
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")

    with listening, futures.ThreadPoolExecutor() as pool:
        pool.submit(serve)
        url = f"{scheme}://127.0.0.1:{listening.getsockname()[1]}/v1/models/model"
        asking = client(url, **trusted)
        assert [asking.post(url, body) for _ in range(2)] == [{}, {}] and times == [0.3]


@pytest.mark.parametrize("text, is_broken", [
    ("upstream connect error or disconnect/reset before headers", True),
    ("Connection reset by peer", True),
    ("recvmsg:Connection reset by peer", True),
    ("Socket closed", True),
    ("transport is closing", True),
    ("The remote end closed the connection without response", True),
    ("[Errno 32] Broken pipe", True),
    ("reset reason: connection termination", True),
    ("Received RST_STREAM with error code 8", True),
    ("GOAWAY received", True),
    ("upstream request timeout", True),
    ("unexpected EOF", True),
    ("quota resets in 30 s", False),
    ("Too many connections; the limit is reset at noon", False),
    ("Closed for maintenance", False),
    ("The server is terminating", False),
    ("no healthy upstream", False),
    ("circuit breaker is open", False),
])
def test_texts_of_broken_connections(text, is_broken):
    assert mentions_connection(text) is is_broken


@pytest.mark.parametrize("status, text, meaning", [
    (200, '{"error": "Quota exceeded"}', Meaning.WAIT),
    (200, "fine", None),
    (409, "", Meaning.REFUSED),
    (None, "RESOURCE_EXHAUSTED: quota", Meaning.REFUSED),
    (500, "quota exceeded", Meaning.STOP),
    (50, "500", None),
])
def test_meanings(status, text, meaning):
    meanings = Meanings(("409", "resource_exhausted"), ("quota exceeded",), ("500",))
    assert meanings.of(status, text) is meaning


@pytest.mark.parametrize("options, message", [
    (dict(wait=("",)), "`wait` must be statuses other than 200, or texts"),
    (dict(stop=("200",)), "`stop` must be statuses other than 200"),
    (dict(refused=("Busy",), stop=("busy",)), "nothing in common. Received: 'busy' twice"),
])
def test_invalid_meanings_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        Meanings(**options)


@pytest.mark.parametrize("reply, failure, seconds", [
    (Reply({"error": "quota exceeded"}), WaitError, 30),
    (Reply({"error": "quota exceeded"}, 400, {"Retry-After": "7"}), WaitError, 7),
    (Reply({"error": "loading"}, 500), RefusedError, None),
    (Reply({"error": "no"}, 409), EndpointError, None),
])
def test_what_answers_mean_to_the_auditor(reply, failure, seconds):
    meanings = Meanings(("loading",), ("quota exceeded",), ("409",))
    with ScriptedServer(lambda request: reply) as server:
        with pytest.raises(failure) as error:
            client(server.url, meanings=meanings).get(server.url)
    assert getattr(error.value, "retry_after_s", None) == seconds
