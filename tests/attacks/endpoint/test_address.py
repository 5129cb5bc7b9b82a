"""Addresses are parsed, and written as they were read."""
import re
import sys

import pytest

from attacks.endpoint import address as address_module
from attacks.endpoint.address import Address
from attacks.endpoint.config import EndpointConfig
from attacks.endpoint.endpoint import connect
from attacks.endpoint.failures import EndpointError
from attacks.endpoint.protocols import Protocol
from tests.attacks.endpoint import scripted_endpoint


@pytest.mark.parametrize("text, expected", [
    ("http://host:8501/v1/models/m", Address("http", "host:8501", "/v1/models/m", "m")),
    ("http://host/v1/models/m/", Address("http", "host:80", "/v1/models/m", "m")),
    ("https://api.example.com/team/v1/models/m/versions/12",
     Address("https", "api.example.com:443", "/team/v1/models/m", "m", 12)),
    ("http://[::1]:8501/v1/models/m", Address("http", "[::1]:8501", "/v1/models/m", "m")),
    ("http://host/v1/models/a%20b", Address("http", "host:80", "/v1/models/a%20b", "a b")),
    ("grpc://host/m", Address("grpc", "host:8500", "", "m")),
    ("grpcs://host:9/m/versions/0", Address("grpcs", "host:9", "", "m", 0)),
    ("grpc+unix://%2Frun%2FS.sock/m", Address("grpc+unix", "%2Frun%2FS.sock", "", "m")),
    ("http+unix://%2Frun%2FS.sock/v1/models/m",
     Address("http+unix", "%2Frun%2FS.sock", "/v1/models/m", "m")),
    ("http://host/v2/models/m", Address("http", "host:80", "/v2/models/m", "m")),
    ("v2+https://host/x/v2/models/m/versions/v%201/",
     Address("v2+https", "host:443", "/x/v2/models/m", "m", "v 1")),
    ("v2+http://host/x/m/versions/3", Address("v2+http", "host:80", "/x/m", "m", "3")),
    ("v2+grpc://host/m/versions/3", Address("v2+grpc", "host:8001", "", "m", "3")),
    ("json+http://host", Address("json+http", "host:80", "/", "")),
    ("json+https://host:9/v1/classify/", Address("json+https", "host:9", "/v1/classify/", "")),
    ("python:file=a/b.py:function=f", Address("python", "", "file=a/b.py:function=f", "")),
])
def test_an_address_is_read_and_written(text, expected):
    address = Address.parse(text)
    assert address == expected
    assert Address.parse(str(address)) == expected
    assert ("grpc" in address.protocol.endpoint) == ("grpc" in text)
    assert address.uses_tls == text.split(":")[0].endswith("s")
    assert address.socket == ("/run/S.sock" if "unix" in text else None)


@pytest.mark.parametrize("text, url", [
    ("http://host/v1/models/a%20b", "http://host:80/v1/models/a%20b"),
    ("v2+https://host/v2/models/m/versions/3", "https://host:443/v2/models/m/versions/3"),
    ("json+http+unix://%2Frun%2FS.sock/predict", "http://localhost/predict"),
])
def test_the_url_of_an_address_is_of_http(text, url):
    assert Address.parse(text).url == url


@pytest.mark.parametrize("text", [
    "", "locall", "host:8501", "ftp://host/v1/models/m", "http://host:8501", "http:///v1/models/m",
    "http://host/v1/models/", "http://host/v1/models/m:predict", "http://host/v1/models/m/versions",
    "http://host/v1/models/m/versions/one", "grpc://host", "grpc://host/a/b", "http://host:port/",
    "http://host:99999/v1/models/m", "http://host:-1/v1/models/m",
    "http+unix:///run/s.sock/v1/models/m", "https+unix://%2Fs/v1/models/m", "v2+http://host",
    "json+grpc://host/m", "python:client.py", "python:", "python://host/file=a.py",
    "python+unix:file=a.py", "v2+python:file=a.py"
])
def test_invalid_addresses_are_refused_with_the_valid_forms(text):
    with pytest.raises(ValueError, match="`address` must be local, or http.*grpc.*Received"):
        Address.parse(text)


@pytest.mark.parametrize("scheme", ["http", "https", "grpc", "grpcs"])
def test_no_server_listens_on_port_0(scheme):
    with pytest.raises(ValueError, match="`address` must have a port from 1 to 65535.*host:0"):
        Address.parse(f"{scheme}://host:0/v1/models/m")


@pytest.mark.parametrize("text", [
    "http://user:secret@host/v1/models/m", "http://secret@host/v1/models/m",
    "http://host/v1/models/m?key=secret", "http://host/v1/models/m#secret",
    "http://user:secret/1@host/v1/models/m", "http://user:secret#1@host/v1/models/m"
])
def test_secrets_in_an_address_are_refused_and_not_repeated(text):
    with pytest.raises(ValueError, match="no user, password or query.*`token`") as error:
        Address.parse(text)
    assert "secret" not in str(error.value)


def test_a_new_protocol_is_a_row(monkeypatch):
    new = Protocol(form="http(s)://HOST/v9/models/NAME",
                   ports={
                       "http": 80,
                       "https": 443
                   },
                   path=re.compile(r"(?P<base>/v9/models/(?P<name>[^/]+))"),
                   endpoint="tests.attacks.endpoint.scripted_endpoint.NewEndpoint")
    monkeypatch.setattr(address_module, "PROTOCOLS", (*address_module.PROTOCOLS, new))
    address = Address.parse("http://host/v9/models/m")
    assert address.protocol is new and str(address) == "http://host:80/v9/models/m"
    assert Address.parse("http://host/v1/models/m").protocol is address_module.PROTOCOLS[0]
    monkeypatch.setattr(scripted_endpoint, "NewEndpoint", lambda config: config, raising=False)
    config = EndpointConfig(address)
    assert connect(config) is config
    with pytest.raises(ValueError, match="http.*v1.* or grpc.* or .*http.*v9"):
        Address.parse("http://host/v3/models/m")


@pytest.mark.parametrize("text, package, extra", [
    ("grpc://host/m", "tensorflow_serving", "serving"),
    ("v2+grpc://host/m", "grpc", "serving"),
    ("json+http://host/m", "jmespath", "json"),
])
def test_a_missing_package_is_named_with_its_extra(text, package, extra, monkeypatch):
    config, loaded = EndpointConfig(Address.parse(text)), list(sys.modules)
    importing = (config.address.protocol.endpoint.rpartition(".")[0],
                 "attacks.endpoint.transport.grpc_caller")
    for name in [name for name in loaded if name in importing or name.startswith(f"{package}.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)
    command = re.escape(f"pip install 'revsig_keras[{extra}]'")
    with pytest.raises(EndpointError,
                       match=rf"{re.escape(text.split('host')[0])} needs {command}. Received: "):
        connect(config)
