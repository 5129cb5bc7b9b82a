"""Audits of a scripted server up to their verdict's evidence: what is said, and what it costs."""
import dataclasses
import json
import logging

import numpy as np

from attacks import ExecutionConfig
from attacks import ExperimentConfig
from attacks import Recipe
from attacks import RunConfig
from attacks.endpoint.address import Address
from attacks.endpoint.config import EndpointConfig
from attacks.endpoint.config import RemoteConfig
from attacks.endpoint.config import RetryPolicy
from attacks.endpoint.ledger.ledger import Ledger
from attacks.schedule.progress import Progress
from attacks.targets.remote import EndpointSource
from models.data.loading import DataConfig
from tests.attacks.endpoint.scripted import Reply
from tests.attacks.endpoint.scripted import SIGNATURE

# The evaluator's rows, and those of them that a probe asks once more.
ROWS, AGAIN = 40, 9
RETRY = {"first_delay_s": 0.001, "longest_delay_s": 0.002}


def scores(x):
    """The probabilities of the model for inputs `[n, 5]`; the classes are those of the data."""
    scores = np.exp(3 * x[:, :3].astype(np.float64))
    return scores / scores.sum(axis=1, keepdims=True)


def answering(answer):
    """A reply that answers the rows of a request."""

    def reply(request):
        x = np.array(request.json["instances"], np.float64)
        answers = answer(x)
        return Reply(
            {"predictions": answers.tolist() if isinstance(answers, np.ndarray) else answers})

    return reply


def metadata(dtype="DT_FLOAT", output="DT_FLOAT"):
    """What the server tells of a model with such inputs and outputs."""
    shape = {"dim": [{"size": "-1"}, {"size": "5"}]}
    signature = SIGNATURE | {
        "inputs": {"x": {"dtype": dtype, "tensor_shape": shape}},
        "outputs": {"y": {"dtype": output, "tensor_shape": {"dim": [], "unknown_rank": True}}},
    }  # yapf: disable
    return [Reply({"metadata": {"signature_def": {"signature_def": {
        "serving_default": signature}}}})]  # yapf: disable


@dataclasses.dataclass
class Outcome:
    """What an audit comes to before the first clone is trained.

    Attributes:
        line: The error, or `ok`, and what is said meanwhile.
        sent, resent: The bill.
        requests: How many requests for answers the server received.
        accuracy: Of the endpoint on the evaluator's rows; None after an error.
        record: What results keep; None after an error.
    """
    line: str
    sent: int
    resent: int
    requests: int
    accuracy: float | None = None
    record: dict | None = None


def audit(server, directory, data, options):
    """Audits a `ScriptedServer` that answers already.

    Args:
        server: The server; its requests are forgotten before.
        directory: For the ledger.
        data: The data set and its parts.
        options: Of `RemoteConfig`, `EndpointConfig` and `RetryPolicy`.
    """
    options, (dataset, splits) = dict(options), data
    retry = RetryPolicy(**RETRY, **_taken(options, "retries", "statuses"))
    remote = _taken(options, "trusted", "max_rows")
    endpoint = EndpointConfig(Address.parse(server.url),
                              retry=retry,
                              **{
                                  "rows_per_request": 32,
                                  "timeout_s": 5.0,
                                  **options
                              })
    victim = RemoteConfig(endpoint, owned=True, eval_rows=ROWS, **remote)
    experiment = ExperimentConfig(data=DataConfig(dataset.name),
                                  victim=victim,
                                  clone=Recipe("mlp", steps=5),
                                  defences=("as_served",),
                                  budgets=(5,))
    server.requests.clear()
    with Said() as said:
        outcome = _opened(RunConfig(experiment, ExecutionConfig(directory)), dataset, splits)
    outcome.requests = server.asked("predict")
    outcome.line = " ".join([outcome.line, *said.lines])
    return outcome


def _taken(options, *names):
    """Takes options out."""
    return {name: options.pop(name) for name in names if name in options}


def _opened(config, dataset, splits):
    source = EndpointSource(config, dataset, splits)
    try:
        with source.open(None, Progress(is_shown=False), None) as target:
            evaluator, bill = target.evaluator, target.bill()
            accuracy = float(np.mean(evaluator.test_labels == evaluator.test.y))
            return Outcome("ok", bill["rows_sent"], bill["rows_resent"], 0, accuracy, target.record)
    except ValueError as error:
        return Outcome(f"error: {error}", *_billed(config.execution.output_dir), 0)


def _billed(directory):
    """What the run of a directory has sent."""
    try:
        run = json.loads((directory / "endpoint.json").read_text())["run"]
    except (FileNotFoundError, KeyError, TypeError, ValueError):
        return None, None
    with Ledger(directory / "endpoint.ledger", reserve_bytes=0) as ledger:
        bills = [ledger.bill(run, account) for account in ("thief", "evaluation", "probe")]
    return sum(bill.rows_sent for bill in bills), sum(bill.rows_resent for bill in bills)


class Said(logging.Handler):
    """Collects the warnings of audits while it is entered."""

    def __init__(self):
        super().__init__(logging.WARNING)
        self.lines = []

    def emit(self, record):
        self.lines.append(record.getMessage())

    def __enter__(self):
        logging.getLogger("attacks").addHandler(self)
        return self

    def __exit__(self, *_):
        logging.getLogger("attacks").removeHandler(self)
