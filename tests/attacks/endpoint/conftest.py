"""A served model for the tests of endpoints."""
import contextlib
import shutil
import subprocess

import pytest

from tests.attacks.endpoint import served
from tests.serving.server import ModelServer


@pytest.fixture(scope="session")
def versions(tmp_path_factory):
    """The folder of a model with the versions 3 and 12."""
    base_path = tmp_path_factory.mktemp("asked") / "model"
    for version in (3, 12):
        served.build(base_path / str(version), version)
    return base_path


@pytest.fixture(scope="module")
def server(versions):
    """A server of `versions`; a test may set its `fault`; its counts go on over tests."""
    with ModelServer(versions) as running:
        yield running


@pytest.fixture
def fails(server):
    """Makes every Predict fail."""

    def let(fault):
        server.fault = lambda call: fault

    yield let
    server.fault = None


@pytest.fixture
def asked():
    """Makes endpoints that are closed when the test ends."""
    with contextlib.ExitStack() as stack:
        yield lambda *args, **changes: stack.enter_context(
            contextlib.closing(served.endpoint_of(*args, **changes)))


@pytest.fixture(scope="session")
def certificate(tmp_path_factory):
    """Paths of a certificate for 127.0.0.1, signed by itself, and of its key."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl, which makes the certificate, is not on PATH")
    folder = tmp_path_factory.mktemp("tls")
    paths = str(folder / "certificate.pem"), str(folder / "key.pem")
    subprocess.run([
        "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
        "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1",
        "-out", paths[0], "-keyout", paths[1]
    ],
                   check=True,
                   capture_output=True)
    return paths
