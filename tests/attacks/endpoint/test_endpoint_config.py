"""The configuration of an endpoint is checked once, and secrets are not shown."""
import itertools
import shutil

import numpy as np
import pytest

from attacks.endpoint.address import Address
from attacks.endpoint.config import EndpointConfig
from attacks.endpoint.config import RemoteConfig
from attacks.endpoint.config import RetryPolicy
from attacks.endpoint.config import Secret
from attacks.grid.execution import ExecutionConfig
from revsig_keras.options import build

ADDRESS = Address.parse("grpc://host/m")


@pytest.mark.parametrize("options, message", [
    (dict(rows_per_request=0), "`rows_per_request` must be an integer of 1 or more.*=0"),
    (dict(rows_per_request=True), "`rows_per_request` must be an integer.*=True"),
    (dict(concurrency=0), "`concurrency` must be an integer of 1 or more.*=0"),
    (dict(concurrency=2.5), "`concurrency` must be an integer.*=2.5"),
    (dict(timeout_s=True), "`timeout_s`.*positive. Received: True"),
    (dict(timeout_s=0), "`timeout_s`.*positive. Received: 0"),
    (dict(timeout_s=float("nan")), "`timeout_s`"),
    (dict(rows_per_second=-1), "`rows_per_second`"),
    (dict(rows_per_second=float("inf")), "`rows_per_second`"),
    (dict(request_format="columns"), "row, column. Received: 'columns'"),
    (dict(input_range=(1, 1)), "LOWEST,HIGHEST.*Received: 1,1"),
    (dict(input_range=(0, float("nan"))), "LOWEST,HIGHEST"),
    (dict(timeout_s=1e10), "`timeout_s` must be at most 86400, a day. Received: 1"),
    (dict(rows_per_second=1e-9), "`rows_per_second` must allow a request of 64 rows a day"),
    (dict(input_range=(-float("inf"), 1)), "finite and in this order.*-inf,1"),
    (dict(input_range=(0, float("inf"))), "finite and in this order.*0,inf"),
    (dict(token=Secret("env:T"), headers={"authorization": Secret("env:A")}), "Received: both"),
    (dict(headers={"X Key": Secret("env:KEY")}), "letters, digits and hyphens.*'X Key'"),
    (dict(ca_file="nowhere.pem"), "`ca_file`.*nowhere.pem"),
])
def test_invalid_options_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        EndpointConfig(ADDRESS, **options)


@pytest.mark.parametrize("options, message", [
    (dict(max_rows=-1), "`max_rows` must be an integer of 0 or more.*=-1"),
    (dict(max_rows=True), "`max_rows` must be an integer.*=True"),
    (dict(eval_rows=1), "`eval_rows` must be an integer of 2 or more.*=1"),
    (dict(owned="no"), "`owned` must be a boolean. Received: owned='no'"),
])
def test_an_impossible_audit_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        RemoteConfig(EndpointConfig(ADDRESS), **options)


@pytest.mark.parametrize("statuses", [(200,), (600,), (True,), (40.5,)])
def test_only_failures_are_retried(statuses):
    with pytest.raises(ValueError, match="`statuses` must be an integer from 400 to 599"):
        RetryPolicy(statuses=statuses)


@pytest.mark.parametrize("values", [["X-A=env:A", "X-A=env:B"], ["X-Key=env:A", "x-kEY=file:b"]])
def test_a_header_is_given_once(values):
    with pytest.raises(ValueError, match="`oracle_headers` must have one value for each name"):
        build(EndpointConfig, {"oracle": "http://h/v1/models/m", "oracle_headers": values})


def test_the_home_directory_may_be_a_tilde(monkeypatch, tmp_path, certificate):
    """As behind `=`, where no shell replaces it."""
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("key", "ca.pem"):
        (tmp_path / name).write_text("swordfish")
    for name, path in zip(("client.pem", "client.key"), certificate, strict=True):
        shutil.copy(path, tmp_path / name)
    raw = {
        "oracle": "http://h/v1/models/m",
        "oracle_ca_file": "~/ca.pem",
        "oracle_headers": ["X-Key=file:~/key"],
        "oracle_client_cert": "~/client.pem",
        "oracle_client_key": "~/client.key",
        "ledger": "~/a.ledger",
        "output_dir": "~/results",
    }
    endpoint = build(EndpointConfig, raw)
    assert endpoint.secret_headers() == {"X-Key": "swordfish"}
    assert endpoint.ca_file == f"{tmp_path}/ca.pem"
    connection = endpoint.connection
    assert (connection.client_cert, connection.client_key) == (f"{tmp_path}/client.pem",
                                                               f"{tmp_path}/client.key")
    assert build(RemoteConfig, raw).ledger == f"{tmp_path}/a.ledger"
    assert build(ExecutionConfig, raw).output_dir == f"{tmp_path}/results"


def test_integers_of_numpy_are_integers():
    endpoint = EndpointConfig(ADDRESS, rows_per_request=np.int64(8), retry=RetryPolicy(np.int8(2)))
    audit = RemoteConfig(endpoint, eval_rows=np.int32(30), max_rows=np.int64(100))
    assert audit == RemoteConfig(EndpointConfig(ADDRESS, rows_per_request=8, retry=RetryPolicy(2)),
                                 eval_rows=30, max_rows=100)  # yapf: disable


def test_secrets_are_read_when_needed_and_not_shown(monkeypatch, tmp_path):
    (tmp_path / "key").write_text("  swordfish\n")
    config = EndpointConfig(ADDRESS,
                            token=Secret("env:TOKEN"),
                            headers={"X-Key": Secret(f"file:{tmp_path}/key")})
    monkeypatch.setenv("TOKEN", "hunter2")
    assert config.secret_headers() == {"X-Key": "swordfish", "Authorization": "Bearer hunter2"}
    assert not any(secret in f"{config!r}{config}" for secret in ("hunter2", "swordfish"))


@pytest.mark.parametrize("source", ["hunter2", "env:", "file:", "pass:hunter2", ""])
def test_a_secret_itself_is_refused_and_not_repeated(source):
    with pytest.raises(ValueError, match="env:NAME.*file:PATH.*something else") as error:
        Secret(source)
    assert "hunter2" not in str(error.value)


@pytest.mark.parametrize("content", [None, b"", b" \n", b"two\nlines", b"\xff\xfe", b"nul\0"])
def test_an_invalid_secret_is_refused_and_not_repeated(content, tmp_path):
    if content is not None:
        (tmp_path / "secret").write_bytes(content)
    with pytest.raises(ValueError, match="The secret file:.* must be") as error:
        Secret(f"file:{tmp_path}/secret").read()
    assert "lines" not in str(error.value)
    with pytest.raises(ValueError, match="env:NO_SUCH_SECRET must be readable"):
        Secret("env:NO_SUCH_SECRET").read()


def test_delays_grow_to_a_limit_with_jitter_and_respect_the_server():
    policy = RetryPolicy(first_delay_s=0.5, longest_delay_s=30)
    longest = [policy.delay_s(retry, None, 1 - 1e-9) for retry in range(12)]
    assert all(b == pytest.approx(min(2 * a, 30)) for a, b in itertools.pairwise(longest))
    assert longest[0] == pytest.approx(0.5) and longest[-1] == pytest.approx(30)
    for retry, most in enumerate(longest):
        assert policy.delay_s(retry, None, 0) == pytest.approx(most / 2)
        assert policy.delay_s(retry, 100, 0.3) == 100
        assert policy.delay_s(retry, 0, 0.3) > 0
    assert policy.delay_s(10**6, None, 0) == 15
    with pytest.raises(ValueError, match="`retries` must be an integer of 0 or more.*=-1"):
        RetryPolicy(-1)
