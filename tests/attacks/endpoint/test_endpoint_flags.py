"""Every flag of a remote oracle arrives where it is read."""
from absl import flags
from absl.testing import flagsaver

from attacks.endpoint import flags as endpoint_flags
from attacks.endpoint.address import Address
from attacks.endpoint.config import EndpointConfig
from attacks.endpoint.config import RemoteConfig
from attacks.endpoint.config import RetryPolicy
from attacks.endpoint.config import Secret


def configured(*arguments):
    with flagsaver.flagsaver():
        flags.FLAGS.unparse_flags()
        try:
            flags.FLAGS(["attacks.run", *arguments])
            return endpoint_flags.remote_config()
        finally:
            flags.FLAGS.mark_as_parsed()


def test_all_of_them(tmp_path):
    (tmp_path / "ca.pem").write_text("")
    given = {
        "oracle": "grpcs://host:9/m/versions/2",
        "i_own_this_endpoint": "true",
        "ledger": "l.sqlite",
        "eval_rows": "70",
        "max_rows": "80",
        "oracle_signature": "s",
        "oracle_input": "i",
        "oracle_output": "o",
        "oracle_range": "-1,1.5",
        "oracle_format": "column",
        "oracle_token": "env:T",
        "oracle_headers": "X-A=env:A,X-B=file:/b=c",
        "oracle_ca_file": f"{tmp_path}/ca.pem",
        "oracle_batch_size": "3",
        "oracle_concurrency": "5",
        "oracle_rows_per_second": "2.5",
        "oracle_timeout_s": "7",
        "oracle_retries": "11",
    }
    config = configured(*(f"--{name}={value}" for name, value in given.items()))
    headers = {"X-A": Secret("env:A"), "X-B": Secret("file:/b=c")}
    assert config == RemoteConfig(
        EndpointConfig(Address("grpcs", "host:9", "", "m", 2), "s", "i", "o", (-1.0, 1.5), "column",
                       Secret("env:T"), headers, f"{tmp_path}/ca.pem", 3, 5, 2.5, 7.0,
                       RetryPolicy(11)), True, "l.sqlite", 70, 80)
    defined = flags.FLAGS.flags_by_module_dict()["attacks.endpoint.flags"]
    assert {flag.name for flag in defined} == set(given)


def test_none_of_them_is_a_local_oracle_and_defaults_are_those_of_the_config():
    assert configured() is None
    address = Address.parse("grpc://host/m")
    assert configured("--oracle=grpc://host/m") == RemoteConfig(EndpointConfig(address))
