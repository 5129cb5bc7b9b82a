"""A served model, attacked by its owner."""

import contextlib
import hashlib
import json
import logging
import os
import pathlib
import uuid

import numpy as np

from attacks.endpoint.collector import Collector
from attacks.endpoint.collector import Subject
from attacks.endpoint.config import ENDPOINT_RECORD
from attacks.endpoint.config import RemoteConfig
from attacks.endpoint.connect import connect
from attacks.endpoint.ledger.ledger import Ledger
from attacks.endpoint.ledger.ledger import ledger_in
from attacks.endpoint.preparation import Preparation
from attacks.endpoint.remote_oracle import RemoteOracle
from attacks.evaluation.remote_evaluator import RemoteEvaluator
from attacks.grid.config import RunConfig
from attacks.grid.registries import ADVERSARIES
from attacks.oracle.answers import are_labels
from attacks.oracle.answers import check_probabilities
from attacks.targets.target import Target
from models.data.dataset import Dataset
from models.data.splits import Rows
from models.data.splits import Splits
from models.processes.files import write_atomically
from models.seeds import derive

_LOG = logging.getLogger(__name__)

# Of the rows that the evaluator asks, the share with which is chosen; the others are reported on.
_CHOOSING = 0.2


class RemoteTarget(Target):
    """A model behind an endpoint that the auditor owns.

    Args:
        config: The run, with `remote`.
        dataset: The data, of which `splits` are the parts.
        splits: Likewise.

    Raises:
        ValueError: If nobody has said that they own the endpoint, if there are not as many rows to
            evaluate with as asked for, or if a secret cannot be read.
    """

    def __init__(self, config: RunConfig, dataset: Dataset, splits: Splits):
        self._remote = config.experiment.victim
        self._directory = pathlib.Path(config.execution.output_dir)
        self._ledger_path = self._remote.ledger or ledger_in(self._directory)
        self._dataset = dataset
        self._test, self._evaluation = _held_out(splits, self._remote.eval_rows)
        self._stack = contextlib.ExitStack()
        if not self._remote.owned and not os.path.exists(self._ledger_path):
            raise ValueError(not_owned(self._remote))
        self._endpoint = connect(self._remote.endpoint)
        self._stack.callback(self._endpoint.close)

    def open(self, workers, progress, checkpoint):
        ledger = self._stack.enter_context(Ledger(self._ledger_path))
        self._confirm_ownership(ledger)
        signature, version = self._endpoint.signature(), self._endpoint.version()
        subject = Subject(_name(self._remote, signature), version)
        run = self._run_of(subject)
        prepare = Preparation(self._dataset.input_range, self._remote.endpoint.input_range,
                              self._dataset.input_shape, signature)
        self._collector = Collector(self._endpoint, prepare, ledger, subject, run,
                                    self._dataset.num_classes, self._remote.max_rows,
                                    progress.notes)
        self._stack.callback(self._collector.close)
        _tell(ledger, subject)
        with progress.running("asking the endpoint", 0):
            self._collector.collect(self._test.x[:1], None, "evaluation")  # The probe.
            answers = self._collector.collect(np.concatenate([self._test.x, self._evaluation.x]),
                                              None, "evaluation")
        check_probabilities(answers, len(answers))
        self._describe(subject, signature, answers)

    def oracle(self, defence, budget):
        del defence
        return RemoteOracle(self._collector, budget)

    def unfit(self, cell):
        needs, gets = ADVERSARIES.make(cell.adversary).needs, self.record["answers"]
        if (needs, gets) == ("probabilities", "labels"):
            return f"{cell.adversary} needs {needs}, and the endpoint answers with {gets} only"
        return super().unfit(cell)

    def bill(self):
        thief, evaluation = map(self._collector.bill, ("thief", "evaluation"))
        return {
            "rows_sent": thief.rows_sent + evaluation.rows_sent,
            "rows_sent_evaluation": evaluation.rows_sent,
            "rows_resent": thief.rows_resent + evaluation.rows_resent,
        }

    def close(self):
        self._stack.close()

    def _confirm_ownership(self, ledger):
        address = str(self._remote.endpoint.address)
        if self._remote.owned:
            ledger.declare_owned(address)
        elif not ledger.is_owned(address):
            raise ValueError(not_owned(self._remote))

    def _run_of(self, subject):
        """The run's id in the ledger, from the record of its first start."""
        path = self._directory / ENDPOINT_RECORD
        if not path.exists():
            record = {"run": uuid.uuid4().hex, "name": subject.name, "version": subject.version}
            write_atomically(path, json.dumps(record, indent=1) + "\n", overwrite=False)
        record = json.loads(path.read_text())
        Subject(record["name"], record["version"]).check(subject)
        return record["run"]

    def _describe(self, subject, signature, answers):
        labels = answers.argmax(axis=1)
        cut = len(self._test)
        self.evaluator = RemoteEvaluator(self._test, labels[:cut], self._evaluation, labels[cut:])
        digest = hashlib.sha256(f"{subject}".encode())
        digest.update(answers)
        self.record = {
            "name": subject.name,
            "version": subject.version,
            "fingerprint": digest.hexdigest(),
            "answers": "labels" if are_labels(answers) else "probabilities",
            "input_dtype": np.dtype(signature.input_dtype).name,
            "input_range": self._remote.endpoint.input_range,
            "evaluated_rows": cut,
            "choosing_rows": len(self._evaluation),
        }


def _tell(ledger, subject):
    """Logs what the ledger answers already, which explains the bill."""
    target = ledger.target(subject.name, subject.version)
    answered, in_doubt = ledger.answered(target), ledger.in_doubt(target)
    if answered or in_doubt:
        _LOG.warning(
            "The ledger answers %s rows. %s others were on their way when a run was stopped: they "
            "are billed again when they are asked again.", f"{answered:,}", f"{in_doubt:,}")


def _name(remote, signature):
    called = f"{remote.endpoint.signature}:{signature.input_name}->{signature.output_name}"
    return f"{remote.endpoint.address} {called}"


def not_owned(remote: RemoteConfig) -> str:
    """Why the first use of an endpoint needs a word."""
    return (f"`owned` must be given at the first use of "
            f"{remote.endpoint.address}. An audit sends it thousands of queries, somebody pays for "
            "them, and it makes a copy of the model: without the owner's consent that breaks the "
            "terms of most services and the law of many countries. It is remembered in the ledger")


def _held_out(splits, rows):
    """The rows to report on and those to choose with, drawn from the test and evaluation parts."""
    most = min(round(len(splits.test) / (1 - _CHOOSING)), round(len(splits.evaluation) / _CHOOSING))
    rows = min(1000, most) if rows is None else rows
    choosing = max(1, round(_CHOOSING * rows))
    if not 2 <= rows <= most:
        raise ValueError(f"`eval_rows` must be from 2 to {most}, the rows that this data set has "
                         f"for evaluation. Received: {rows}")
    return (_drawn(splits.test, rows - choosing,
                   splits.split_seed), _drawn(splits.evaluation, choosing, splits.split_seed))


def _drawn(part, rows, seed):
    order = np.random.default_rng(derive(seed, "audit")).permutation(len(part))[:rows]
    return Rows(part.x[order], part.y[order])
