"""Measures what asking an endpoint costs: by REST, by gRPC, and in the ledger.

  python -m benchmarks.oracles [--quick] [--json=FILE] [--only=REGEX]

benchmarks/README.md says what each row means. A row above its limit is marked, and is no error.
"""
import contextlib
import functools
import importlib.util
import multiprocessing
import pathlib
import subprocess
import sys
import tempfile
import time

from absl import flags
import numpy as np

from attacks.endpoint.address import Address
from attacks.endpoint.assignment import Assignment
from attacks.endpoint.assignment import Subject
from attacks.endpoint.collector import Collector
from attacks.endpoint.config import EndpointConfig
from attacks.endpoint.endpoint import connect
from attacks.endpoint.endpoint import Endpoint
from attacks.endpoint.ledger.ledger import Ledger
from benchmarks import comparison
import benchmarks.flags
from benchmarks.profiling import peak_megabytes
from models import architectures
from models.inference import predict
from revsig_keras import DefendedModel
from revsig_keras.cli import program
from revsig_keras.export.versions import publish

SHAPE, CLASSES = (28, 28, 1), 10
LEAST_ROWS_PER_SECOND = 20_000
ROOT = pathlib.Path(__file__).parents[1]


def main(values=flags.FLAGS):
    config = benchmarks.flags.make_config(values)
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        served = Served(pathlib.Path(folder), stack)
        comparison.run(all_cases(config.quick, served), config)


class Served:
    """The model, `mnist_cnn` defended, in this process and behind a server in another one.

    Args:
        folder: For the SavedModel and the ledgers.
        stack: Ends the server.
    """

    def __init__(self, folder: pathlib.Path, stack: contextlib.ExitStack):
        self._folder, self._stack = folder, stack
        self.model = DefendedModel(
            architectures.with_softmax(architectures.build("mnist_cnn", SHAPE, CLASSES, seed=1)))
        self._ledgers = 0

    @functools.cached_property
    def addresses(self) -> dict[str, str]:
        """Of the server of the tests, by protocol; it is started by the first use."""
        base = self._folder / "model"
        publish(base, functools.partial(self.model.export, verbose=False))
        server = subprocess.Popen([sys.executable, "-m", "tests.serving.serve",
                                   str(base)],
                                  cwd=ROOT,
                                  stdout=subprocess.PIPE,
                                  stderr=subprocess.DEVNULL,
                                  text=True)
        self._stack.callback(server.wait)
        self._stack.callback(server.terminate)
        return dict(zip(("rest", "grpc"), server.stdout.readline().split()))

    def ask(self, endpoint: Endpoint, images: np.ndarray) -> np.ndarray:
        """The answers for images that no ledger knows."""
        self._ledgers += 1
        with collecting(endpoint, self._folder / f"{self._ledgers}.ledger") as collector:
            return collector.collect(images, None, "thief")


@contextlib.contextmanager
def collecting(endpoint: Endpoint, path: pathlib.Path):
    """A collector with a ledger at that path."""
    with Ledger(path) as ledger:
        assignment = Assignment(Subject("benchmark", "1"), "run", CLASSES)
        collector = Collector(endpoint, lambda inputs: inputs, ledger, assignment)
        with contextlib.closing(collector):
            yield collector


class Immediate(Endpoint):
    """Answers without a network and without a model."""

    def signature(self):
        raise NotImplementedError

    def version(self):
        return "1"

    def predict(self, inputs):
        return np.full((len(inputs), CLASSES), 1 / CLASSES, np.float32), "1"

    def close(self):
        pass


def all_cases(quick: bool, served: Served) -> list[comparison.Case | comparison.Fact]:
    """All that is measured, in order."""
    protocols = ["rest"] + ["grpc"] * (importlib.util.find_spec("tensorflow_serving") is not None)
    rows = 10_000 if quick else 100_000
    return [
        *(comparison.Case(f"ask/{protocol}/batch={batch}", None,
                          functools.partial(_asking, served, protocol, batch),
                          3.0 if quick else 20.0)
          for protocol in protocols
          for batch in ((64,) if quick else (1, 64, 256))),
        comparison.Fact(f"ledger/rows={rows}", 1.0, "us", functools.partial(_writing, rows)),
        comparison.Fact(f"memory/rows={10 * rows}", 1.1, "MB", functools.partial(_memory, rows)),
    ]  # yapf: disable


def _asking(served, protocol, batch):
    """Batches that are new to the endpoint and its ledger, against the model in this process."""
    rng = np.random.default_rng(batch)
    config = EndpointConfig(Address.parse(served.addresses[protocol]), rows_per_request=batch)
    endpoint = connect(config)
    endpoint.signature(), endpoint.version()
    images = rng.random((batch * config.concurrency * 4, *SHAPE), np.float32)

    def per_row(ask):

        def seconds(calls):
            start = time.perf_counter()
            for _ in range(calls):
                ask()
            return (time.perf_counter() - start) / calls / len(images)

        return comparison.repeat_elsewhere(seconds)

    return (per_row(lambda: served.ask(endpoint, images)),
            per_row(lambda: predict(served.model, images, batch_size=batch)))


def _writing(rows):
    """Microseconds to ask a new row where the endpoint costs nothing, against what is enough."""
    seconds, _ = _stream(rows)
    return 1e6 * seconds / rows, 1e6 / LEAST_ROWS_PER_SECOND


def _memory(rows):
    """The most memory of a process that streams ten times as many rows, against that many."""
    peaks = []
    for count in (10 * rows, rows):
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            peaks.append(pool.apply(_stream, (count,))[1])
    return tuple(peaks)


def _stream(rows):
    """Seconds, and the peak memory of the process in MB, of so many rows that are all new."""
    config = EndpointConfig(Address.parse("http://127.0.0.1/v1/models/none"), rows_per_request=128)
    inputs = ((np.float32([row, 0, 0, 0]), 0) for row in range(rows))
    with tempfile.TemporaryDirectory() as folder:
        with collecting(Immediate(config), pathlib.Path(folder, "audit.ledger")) as collector:
            start = time.perf_counter()
            answered = sum(map(len, collector.stream(inputs, "thief")))
            seconds = time.perf_counter() - start
    if answered != rows:
        raise ValueError(f"{rows} rows must be answered. Received: {answered}")
    return seconds, peak_megabytes()


if __name__ == "__main__":
    benchmarks.flags.define_flags()
    flags.adopt_module_key_flags(benchmarks.flags)
    program.run(main)
