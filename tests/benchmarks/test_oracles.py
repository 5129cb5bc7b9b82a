"""The benchmark of oracles asks what it says, and its rows are about that."""
import contextlib

from absl import flags
import numpy as np
import pytest

from attacks.endpoint.address import Address
from attacks.endpoint.config import EndpointConfig
from attacks.endpoint.endpoint import connect
from benchmarks import oracles
import benchmarks.flags
from models.inference import predict


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    with contextlib.ExitStack() as stack:
        yield oracles.Served(tmp_path_factory.mktemp("served"), stack)


@pytest.mark.slow
@pytest.mark.parametrize("protocol", ["rest", "grpc"])
def test_both_sides_give_the_same_answers(protocol, served):
    if protocol == "grpc":
        pytest.importorskip("tensorflow_serving")
    images = np.random.default_rng(0).random((40, *oracles.SHAPE), np.float32)
    config = EndpointConfig(Address.parse(served.addresses[protocol]), rows_per_request=16)
    with contextlib.closing(connect(config)) as endpoint:
        np.testing.assert_allclose(served.ask(endpoint, images),
                                   predict(served.model, images),
                                   atol=1e-6)
        np.testing.assert_array_equal(served.ask(endpoint, images), served.ask(endpoint, images))


def test_a_stream_is_answered_whole_and_timed():
    seconds, megabytes = oracles._stream(300)
    assert seconds > 0 and megabytes > 50


def test_the_rows_that_are_promised_are_there(served):
    names = [case.name for case in oracles.all_cases(False, served)]
    assert {"ask/rest/batch=64", "ledger/rows=100000", "memory/rows=1000000"} <= set(names)
    values = flags.FlagValues()
    benchmarks.flags.define_flags(values)
    values(["oracles", "--only=nothing"])
    with pytest.raises(ValueError, match="--only.*ask/rest"):
        oracles.main(values)
