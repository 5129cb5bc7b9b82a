"""A served model, attacked by its owner."""

import contextlib
import hashlib
import json
import logging
import os
import pathlib
import uuid

import numpy as np

from attacks.endpoint.assignment import Assignment
from attacks.endpoint.assignment import Subject
from attacks.endpoint.billing import ACCOUNTS
from attacks.endpoint.collector import Collector
from attacks.endpoint.config import ENDPOINT_RECORD
from attacks.endpoint.config import RemoteConfig
from attacks.endpoint.endpoint import connect
from attacks.endpoint.endpoint import UNKNOWN_VERSION
from attacks.endpoint.failures import EndpointError
from attacks.endpoint.ledger.ledger import Ledger
from attacks.endpoint.ledger.opening import ledger_in
from attacks.endpoint.preparation import Preparation
from attacks.endpoint.probe.probe import Probe
from attacks.endpoint.remote_oracle import RemoteOracle
from attacks.evaluation.agreement import AgreementEvaluator
from attacks.grid.config import RunConfig
from attacks.oracle.truth import TrueLabels
from attacks.results.digest import sealed
from attacks.results.digest import unsealed
from attacks.targets.source import TargetSource
from attacks.targets.target import Target
from models.answers.answers import are_labels
from models.data.dataset import Dataset
from models.data.splits import Rows
from models.data.splits import Splits
from models.processes.files import write_atomically
from models.seeds import derive

_LOG = logging.getLogger(__name__)

# The fraction of the evaluator's rows that choices are based on; the others are reported on.
_CHOOSING = 0.2


class EndpointSource(TargetSource):
    """A model behind an endpoint that the auditor owns.

    Args:
        config: The run; its victim is a `RemoteConfig`.
        dataset: The data.
        splits: The parts of the data.

    Raises:
        ValueError: If nobody has declared that they own the endpoint, if the data have fewer rows
            to evaluate with than are asked for, or if a secret cannot be read.
    """

    def __init__(self, config: RunConfig, dataset: Dataset, splits: Splits):
        self._remote = config.experiment.victim
        self._directory = pathlib.Path(config.execution.output_dir)
        self._ledger_path = self._remote.ledger or ledger_in(self._directory)
        self._dataset, self._pool = dataset, splits.pool
        self._test, self._evaluation = _held_out(splits, self._remote.eval_rows)
        if not self._remote.owned and not os.path.exists(self._ledger_path):
            raise ValueError(not_owned(self._remote))
        connect(self._remote.endpoint).close()  # Fails now if a secret or a package is missing.

    @contextlib.contextmanager
    def open(self, workers, progress, checkpoint):
        del workers, checkpoint
        with contextlib.closing(connect(self._remote.endpoint)) as endpoint, \
                Ledger(self._ledger_path) as ledger:
            self._confirm_ownership(ledger)
            signature, version = endpoint.signature(), endpoint.version()
            subject = Subject(endpoint.subject(signature), version)
            run = self._run_of(subject)
            prepare = Preparation(self._dataset.input_range, self._input_range(signature),
                                  self._dataset.input_shape, signature)
            assignment = Assignment(subject, run, self._dataset.num_classes, self._remote.max_rows)
            collector = Collector(endpoint, prepare, ledger, assignment, progress.notes)
            with contextlib.closing(collector):
                _tell(ledger, subject)
                with progress.running("asking the endpoint", 0):
                    look = self._probe(collector, prepare)
                    answers = self._ask_held_out(collector)
                yield self._target(collector, subject, signature, answers, look)

    def _probe(self, collector, prepare):
        """Checks the set-up by the answers to a few of the evaluator's rows."""
        inputs = self._held_out()
        prepare.check_whole(inputs)
        losses = prepare.losses(inputs)
        if losses and not self._remote.trusted:
            raise EndpointError(
                "`input_range` must keep different inputs different, in a model that takes "
                f"{prepare.dtype}. Received: a range in which {losses}. Nothing was sent. If this "
                "is meant, `trusted` goes on")
        if losses:
            _LOG.warning("Overruled: in the range of the model, %s.", losses)
        return Probe(collector, self._test, self._dataset.num_classes).look(self._remote.trusted)

    def _held_out(self):
        return np.concatenate([self._test.x, self._evaluation.x])

    def _ask_held_out(self, collector):
        """The answers for the evaluator's rows, as the server sent them."""
        inputs = self._held_out()
        return collector.ask(inputs, [0] * len(inputs), "evaluation",
                             collector.config.rows_per_request)

    def _target(self, collector, subject, signature, served, look):
        answers = collector.read(served)
        labels, cut = answers.argmax(axis=1), len(self._test)
        digest = hashlib.sha256(f"{subject}".encode())
        digest.update(b"".join(map(bytes, served)))
        labels_only = are_labels(answers)
        return Target(oracle=lambda defence, budget: RemoteOracle(collector, budget),
                      evaluator=AgreementEvaluator(self._test, labels[:cut], self._evaluation,
                                                   labels[cut:]),
                      record={
                          "name": subject.name,
                          "version": subject.version,
                          "fingerprint": digest.hexdigest(),
                          "answers": "labels" if labels_only else "probabilities",
                          "answer_form": collector.form.describe(),
                          "probe": look.describe(),
                          "input_dtype": np.dtype(signature.input_dtype).name,
                          "input_range": self._input_range(signature),
                          "evaluated_rows": cut,
                          "choosing_rows": len(self._evaluation),
                      },
                      truth=TrueLabels(self._pool, self._dataset.num_classes).predict,
                      labels_only=labels_only,
                      bill=lambda: _bill(collector))

    def _input_range(self, signature):
        return self._remote.endpoint.input_range or signature.input_range

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
            write_atomically(path, json.dumps(sealed(record), indent=1) + "\n", overwrite=False)
        try:
            record = unsealed(json.loads(path.read_bytes()))
            known, run = Subject(record["name"], record["version"]), record["run"]
            is_whole = all(isinstance(text, str) for text in (known.name, known.version, run))
        except (ValueError, KeyError, TypeError, AttributeError):
            is_whole = False
        if not is_whole:
            raise ValueError(
                f"{path} must be the record of a run, as its first start wrote it. "
                "Received: a damaged file. Restore it, or use a new `output_dir` with "
                f"the ledger {self._ledger_path}, whose answers are not paid for again")
        known.check(subject)
        return run


def not_owned(remote: RemoteConfig) -> str:
    """Returns why the first use of an endpoint needs a declaration."""
    return (f"`owned` must be declared at the first use of "
            f"{remote.endpoint.address}. An audit sends it thousands of queries, somebody pays for "
            "them, and it makes a copy of the model: without the owner's consent that breaks the "
            "terms of most services and the law of many countries. It is remembered in the ledger")


def _bill(collector):
    bills = {account: collector.billing.bill(account) for account in ACCOUNTS}
    return {
        "rows_sent": sum(bill.rows_sent for bill in bills.values()),
        "rows_sent_evaluation": bills["evaluation"].rows_sent,
        "rows_sent_probe": bills["probe"].rows_sent,
        "rows_resent": sum(bill.rows_resent for bill in bills.values()),
    }


def _tell(ledger, subject):
    """Logs an unknown version, and how many rows the ledger answers, which explains the bill."""
    target = ledger.target(subject.name, subject.version)
    if subject.version == UNKNOWN_VERSION:
        _LOG.warning("No version is known: the endpoint does not tell which version of its model "
                     "answers, so that a change of the model during the audit goes unnoticed.")
    answered, in_doubt = ledger.answered(target), ledger.in_doubt(target)
    if answered or in_doubt:
        _LOG.warning(
            "The ledger answers %s rows. %s others were sent before, and no answer was kept: they "
            "are billed again when they are asked again.", f"{answered:,}", f"{in_doubt:,}")


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
    return Rows(part.x[order], part.y[order], None if part.groups is None else part.groups[order])
