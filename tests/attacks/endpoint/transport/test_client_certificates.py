"""Servers that require a certificate of their client, over gRPC and over HTTPS."""
import contextlib
import pathlib
import ssl
import subprocess

import grpc
import numpy as np
import pytest

from attacks.endpoint.failures import DeniedError
from attacks.endpoint.failures import EndpointError
from attacks.endpoint.failures import NotReachedError
from attacks.endpoint.settings.connection import Connection
from attacks.endpoint.transport import grpc_failures
from tests.attacks.endpoint.scripted import Reply
from tests.attacks.endpoint.scripted import ScriptedServer
from tests.attacks.endpoint.served import HAS_GRPC
from tests.attacks.endpoint.v2.look_alike import GrpcModel
from tests.attacks.endpoint.v2.look_alike import softmax
from tests.serving.server import GrpcFrontend

X = np.float32([[0.5, 0.25, 1], [0.125, 1, 2]])
WANTED = "another `client_cert`"


@pytest.fixture(scope="module")
def stranger(certificate, tmp_path_factory):
    """A client that the server does not know: its certificate and its key, in one file."""
    path = str(tmp_path_factory.mktemp("stranger") / "both.pem")
    subprocess.run([
        "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
        "-nodes", "-days", "2", "-subj", "/CN=stranger", "-out", path, "-keyout", f"{path}.key"
    ],
                   check=True,
                   capture_output=True)
    with open(path, "a") as file:
        file.write(pathlib.Path(f"{path}.key").read_text())
    return Connection(client_cert=path)


@contextlib.contextmanager
def tensorflow_serving(server, credentials):
    with GrpcFrontend(server, credentials) as frontend:
        yield f"grpcs://{frontend.address}/model", X * np.float32(12)


@contextlib.contextmanager
def open_inference(server, credentials):
    with GrpcModel(credentials=credentials) as model:
        yield model.url, softmax(X)


@pytest.mark.parametrize("serve", [
    pytest.param(tensorflow_serving,
                 marks=pytest.mark.skipif(not HAS_GRPC,
                                          reason="tensorflow-serving-api is not installed")),
    open_inference,
])
def test_over_grpc(serve, server, certificate, stranger, asked):
    """A client that is known is answered; another gets one line that names the remedy."""
    content, key = (pathlib.Path(path).read_bytes() for path in certificate)
    credentials = grpc.ssl_server_credentials([(key, content)], content, require_client_auth=True)
    known = Connection(client_cert=certificate[0], client_key=certificate[1])
    with serve(server, credentials) as (url, expected):
        endpoint = asked(url, connection=known, ca_file=certificate[0])
        np.testing.assert_allclose(endpoint.predict(X)[0], expected, rtol=1e-6)
        for connection in (Connection(), stranger):
            endpoint = asked(url, connection=connection, ca_file=certificate[0])
            with pytest.raises(EndpointError,
                               match=f"`address` must .* reached.*{WANTED}") as error:
                endpoint.signature()
            assert "\n" not in str(error.value)
        with pytest.raises(EndpointError, match=f"may require TLS.*{WANTED}"):
            asked(url.replace("grpcs://", "grpc://")).signature()
        with pytest.raises(EndpointError, match="`ca_file`.* must trust"):
            asked(url, connection=known, ca_file=stranger.client_cert).signature()


@pytest.mark.parametrize("version, message", [
    (ssl.TLSVersion.TLSv1_2, "`client_cert` must be a certificate that"),
    (ssl.TLSVersion.TLSv1_3, f"{WANTED}|`client_cert` must be"),
])
def test_over_https(version, message, certificate, stranger, asked):
    """Over TLS 1.3 the server may close the connection before its alert was read."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    context.load_verify_locations(certificate[0])
    context.verify_mode, context.maximum_version = ssl.CERT_REQUIRED, version
    with ScriptedServer(lambda request: Reply({"predictions": [[1, 0]] * 2}),
                        tls=context) as server:
        for connection in (Connection(), stranger):
            endpoint = asked(server.url, connection=connection, ca_file=certificate[0])
            with pytest.raises(EndpointError, match=message):
                endpoint.predict(X)
    assert not server.received


@pytest.mark.parametrize("alert, failure", [
    ("SSLV3_ALERT_HANDSHAKE_FAILURE", DeniedError),
    ("TLSV1_ALERT_UNKNOWN_CA", DeniedError),
    ("SSLV3_ALERT_CERTIFICATE_EXPIRED", DeniedError),
    ("SSLV3_ALERT_BAD_CERTIFICATE", DeniedError),
    ("TLSV1_ALERT_CERTIFICATE_REQUIRED", DeniedError),
    ("TLSV1_ALERT_ACCESS_DENIED", DeniedError),
    ("CERTIFICATE_VERIFY_FAILED: self signed certificate", EndpointError),
    ("Socket closed", NotReachedError),
    ("Unwrap failed (TSI_DATA_CORRUPTED)", NotReachedError),
    ("Connection reset by peer", NotReachedError),
    ("Connection refused", NotReachedError),
])
def test_what_grpc_reports_of_a_connection_that_is_not_made(alert, failure):
    details = f"failed to connect to all addresses; last error: UNKNOWN: ipv4:127.0.0.1:1: {alert}"
    made = grpc_failures.of("UNAVAILABLE", details)
    assert type(made) is failure
    is_remedied = failure is not NotReachedError or "refused" not in alert
    assert ("`client_cert`" in str(made) or "`ca_file`" in str(made)) == is_remedied
