"""Asks an endpoint for answers, each of them once: the ledger keeps what was answered."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent import futures
import contextlib
import itertools
import time

import numpy as np

from attacks.endpoint.assignment import Assignment
from attacks.endpoint.assignment import OtherModelError
from attacks.endpoint.assignment import Subject
from attacks.endpoint.batch_queue import BatchQueue
from attacks.endpoint.billing import Billing
from attacks.endpoint.endpoint import Endpoint
from attacks.endpoint.failures import DeniedError
from attacks.endpoint.failures import EndpointError
from attacks.endpoint.failures import RefusedError
from attacks.endpoint.failures import RequestFailedError
from attacks.endpoint.failures import sentence
from attacks.endpoint.ledger.ledger import Ledger
from attacks.endpoint.version_watch import VersionWatch
from attacks.oracle.oracle import digest
from models.answers.answer_form import AnswerForm
from models.answers.answers import as_rows

# A window has this many batches for each concurrent request: enough that waiting for its last
# batches costs little time, few enough to fit into memory.
_BATCHES_AHEAD = 16


class Collector:
    """Gets the answers of an endpoint, from the ledger or by asking.

    For all rows of a window without an answer in the ledger:

    1. The bill is checked: if it would exceed `max_rows`, `BillExceededError` is raised and none of
       them is sent.
    2. The intent is written to disk. Then the rows are sent in batches, several at a time.
    3. Answers that can be read as `form` says are written to disk, as the server sent them, before
       they are returned. Others end the run: they are on the bill, but not in the ledger, so that
       their rows can be asked again.
    4. Rows that the server refused are taken off the bill and sent again later. Rows that may have
       been answered stay on the bill, and are billed once more when they are sent again, for which
       the bill is checked anew.

    Even if an error or an interrupt ends the run, it waits for the answers of requests in progress
    and keeps them. Used by one thread.

    Args:
        endpoint: The endpoint.
        prepare: Function from a batch of the data set's inputs to the inputs of the model.
        ledger: The ledger.
        assignment: What is collected, and for whom.
        progress: Called now and then with a few words.

    Attributes:
        billing: What the run has sent, and may send.
        form: How the answers are read. Initially as plain probabilities. Decimals that it leaves
            open are decided by the first answers that tell them.
    """

    def __init__(self,
                 endpoint: Endpoint,
                 prepare: Callable[[np.ndarray], np.ndarray],
                 ledger: Ledger,
                 assignment: Assignment,
                 progress: Callable[[str], None] = lambda text: None):
        self.config = endpoint.config
        self.billing = Billing(ledger, assignment)
        self.form = AnswerForm(assignment.num_classes)
        self._endpoint, self._prepare, self._ledger = endpoint, prepare, ledger
        self._assignment = assignment
        subject = assignment.subject
        self._target = ledger.target(subject.name, subject.version)
        self._progress = progress
        self._queue = BatchQueue(self.config)
        self._held: list | None = None
        # One thread more than requests, which asks for the version.
        self._pool = futures.ThreadPoolExecutor(self.config.concurrency + 1, "endpoint")
        self._watch = VersionWatch(endpoint.version_now, self._pool.submit, subject,
                                   lambda keys: ledger.disown(self._target, keys))

    def close(self) -> None:
        """Ends the threads."""
        self._pool.shutdown()

    @property
    def ledger_path(self) -> str:
        """The ledger's file."""
        return self._ledger.path

    def missing(self, inputs: np.ndarray, asks: Iterable[int]) -> int:
        """Returns how many of these rows have no answer in the ledger; see `stream`."""
        keys = set(self._keys(self._prepare(inputs), asks))
        return len(keys) - len(self._ledger.find(self._target, keys))

    def collect(self, inputs: np.ndarray, asks: Iterable[int] | None, account: str) -> np.ndarray:
        """Returns the answers for inputs in memory; see `stream`."""
        asks = [0] * len(inputs) if asks is None else asks
        parts = list(self.stream(zip(inputs, asks, strict=True), account))
        return np.concatenate(parts) if parts else self.form.probabilities([])

    def stream(self, rows: Iterable[tuple[np.ndarray, int]], account: str) -> Iterator[np.ndarray]:
        """Gets answers in the order of the rows, one window of rows in memory at a time.

        Args:
            rows: Pairs of an input of the data set and the number of the answer to it, 0 for the
                first.
            account: The account that the rows are billed to; see `attacks.endpoint.billing`.

        Yields:
            Arrays `[n, num_classes]`, float32: what is in the ledger, read as `form` says.

        Raises:
            BillExceededError: Before rows are sent that `max_rows` does not allow.
            EndpointError: If asking again would not help, or another version answers.
            OSError: If the ledger cannot be written.
        """
        for answers in self._windows(rows, account, self.config.rows_per_request):
            yield self.read(answers)

    def read(self, answers: Sequence[np.ndarray]) -> np.ndarray:
        """Returns the probabilities `[n, num_classes]` in answers as the server sent them.

        Raises:
            EndpointError: If they are of another form than `form`, which new answers never are.
        """
        try:
            return self._probabilities(answers)
        except ValueError as error:
            raise EndpointError(
                "`ledger` must have answers of the form that the endpoint has now. Received: "
                f"{self._ledger.path}, with others of an earlier run: {error}. Use another ledger"
            ) from None

    def ask(self, inputs: np.ndarray, asks: Sequence[int], account: str,
            rows_per_request: int) -> list[np.ndarray]:
        """Returns answers as the server sent them, float32 of one dimension each; see `stream`."""
        windows = self._windows(zip(inputs, asks, strict=True), account, rows_per_request)
        return list(itertools.chain.from_iterable(windows))

    @contextlib.contextmanager
    def holding(self) -> Iterator[Callable[[], None]]:
        """Holds new answers, of any form, back from the ledger until they have been checked.

        Yields:
            A function that writes them to the ledger. Answers that are not written when the context
            ends are dropped: they are on the bill, and their rows are in doubt.
        """
        self._held = []

        def keep():
            held, self._held = self._held, None
            self._write(held)

        try:
            yield keep
        finally:
            self._held = None

    def _windows(self, rows, account, size):
        """Yields the answers, as the server sent them, window by window."""
        rows = iter(rows)
        window = size * self.config.concurrency * _BATCHES_AHEAD
        while part := list(itertools.islice(rows, window)):
            inputs = self._prepare(np.stack([row for row, _ in part]))
            keys = self._keys(inputs, [ask for _, ask in part])
            first = {key: position for position, key in reversed(list(enumerate(keys)))}
            answers = self._ledger.find(self._target, keys)
            missing = sorted(first[key] for key in first if key not in answers)
            if missing:
                self.billing.check(len(missing))
                self._queue.fill(missing, size)
                answers |= self._ask_queued(inputs, keys, account)
            yield [answers[key] for key in keys]

    def _keys(self, prepared, asks):
        return [(digest(row), ask) for row, ask in zip(prepared, asks, strict=True)]

    def _ask_queued(self, inputs, keys, account):
        """Sends the batches of the queue until all of their rows have an answer."""
        answers, in_progress = {}, {}
        try:
            while self._queue or in_progress:
                for batch in self._queue.take_due(self.config.concurrency - len(in_progress)):
                    in_progress[self._send(batch, inputs, keys, account)] = batch
                answers |= self._receive(in_progress, keys, account)
                self._watch.check()
                self._progress(f"{len(answers):,} rows answered")
        finally:  # Nothing is in progress unless an error or an interrupt ended the loop.
            futures.wait(in_progress)
            self._finish(in_progress, keys, account)
            self._watch.check(wait=True)
        return answers

    def _send(self, batch, inputs, keys, account):
        billed = [keys[position] for position in batch.positions]
        self.billing.check(len(billed))
        self._ledger.intend(self._target, billed, self._assignment.run, account)
        self._queue.sent(len(billed))
        return self._pool.submit(self._endpoint.predict, inputs[batch.positions])

    def _receive(self, in_progress, keys, account):
        """Waits for answers, but no longer than until a batch may be due, and keeps them."""
        pause_s = self._queue.pause_s()
        if not in_progress:
            time.sleep(pause_s or 0)
            return {}
        is_full = len(in_progress) >= self.config.concurrency
        done, _ = futures.wait(in_progress, None if is_full else pause_s, futures.FIRST_COMPLETED)
        answers, failed, fatal = self._finish({future: in_progress.pop(future) for future in done},
                                              keys, account)
        if fatal:
            raise fatal
        for batch, error in failed:
            self._queue.put_back(batch, error)
        return answers

    def _finish(self, done, keys, account):
        """Keeps the results of requests; returns answers, failed batches and a fatal error."""
        answered, failed, refused, fatal = [], [], [], None
        for future, batch in done.items():
            billed = [keys[position] for position in batch.positions]
            try:
                answered.append((billed, *self._read(len(billed), future)))
            except (RequestFailedError, DeniedError) as error:
                if isinstance(error, (RefusedError, DeniedError)):
                    refused.append(billed)
                if isinstance(error, DeniedError):
                    fatal = fatal or error
                else:
                    failed.append((batch, error))
            except Exception as error:  # The answers of the other requests are kept first.
                fatal = fatal or self._explained(error, len(billed))
        self._settle(answered)
        for billed in refused:
            self._ledger.withdraw(self._target, billed, self._assignment.run, account)
        answers = {
            key: answer for billed, answers, _ in answered for key, answer in zip(billed, answers)
        }
        return answers, failed, fatal

    def _read(self, count, future):
        """The answers of a request as the server sent them, and whether they tell their version."""
        raw, version = future.result()
        subject = self._assignment.subject
        if version is not None:
            subject.check(Subject(subject.name, version))
        answers = as_rows(raw, count, self._assignment.num_classes)
        if self._held is None:
            self._probabilities(answers)
        return answers, version is not None

    def _probabilities(self, answers):
        form = self.form.closed_by(answers)
        probabilities, self.form = form.probabilities(answers), form
        return probabilities

    def _explained(self, error, count):
        """The error, and what it means for the rows."""
        if isinstance(error, OtherModelError) or not isinstance(error, ValueError):
            return error
        return EndpointError(f"{sentence(error)} {count} rows of this request are on the bill, and "
                             f"without an answer in the ledger {self._ledger.path}: the same "
                             "command asks them again")

    def _settle(self, answered):
        if self._held is None:
            self._write(answered)
        else:
            self._held += answered
        for billed, _, tells_version in answered:
            if not tells_version:
                self._watch.note(billed)

    def _write(self, answered):
        if answered:
            batches = [(self._target, billed, answers) for billed, answers, _ in answered]
            self._ledger.settle(batches)
