"""Asks an endpoint for answers, each of them once: the ledger keeps what was answered."""

from collections.abc import Callable, Iterable, Iterator
from concurrent import futures
import dataclasses
import itertools
import time

import numpy as np

from attacks.endpoint.endpoint import Endpoint
from attacks.endpoint.failures import EndpointError
from attacks.endpoint.failures import RefusedError
from attacks.endpoint.failures import RequestFailedError
from attacks.endpoint.ledger.ledger import Ledger
from attacks.endpoint.ledger.records import Bill
from attacks.endpoint.transport.retrying import delay_s
from attacks.oracle.oracle import digest
from models.answers import read_answers

# A window has this many batches for each concurrent request: enough that waiting for its last
# batches costs little time, few enough to fit into memory.
_BATCHES_AHEAD = 16


class BillExceededError(ValueError):
    """A run would have to send more rows than `max_rows` allows; they were not sent."""


@dataclasses.dataclass(frozen=True)
class Subject:
    """The model that a run is about.

    Attributes:
        name: The address and the signature, as in the ledger and in results.
        version: The version of the model.
    """
    name: str
    version: str

    def check(self, other: "Subject") -> None:
        """Raises `EndpointError` if the other is not the same."""
        if other != self:
            raise EndpointError(
                f"`address` must lead to the model of this run, {self.name}, version "
                f"{self.version}. Received: {other.name}, version {other.version}. Answers of two "
                "models are not mixed: use a new `output_dir`, or pin the version by "
                "/versions/VERSION at the end of the address")


@dataclasses.dataclass(frozen=True)
class Assignment:
    """What a `Collector` collects, and for whom.

    Attributes:
        subject: The model; an answer of another version ends the run.
        run: The run's id in the ledger, to which rows are billed.
        num_classes: The number of classes of the data.
        max_rows: The most rows that the run may send, or None for no limit.
    """
    subject: Subject
    run: str
    num_classes: int
    max_rows: int | None = None


@dataclasses.dataclass
class _Batch:
    """Rows that are sent together, by their positions in the window, and when they may be sent."""
    positions: list[int]
    retries: int = 0
    not_before: float = 0.0


class Collector:
    """Gets the answers of an endpoint, from the ledger or by asking.

    For all rows without an answer in the ledger:

    1. The bill is checked: past `max_rows`, `BillExceededError` is raised and nothing is sent.
    2. The intent is written to disk. Then the rows are sent in batches, several at a time.
    3. The answers are written to disk before they are returned.
    4. Rows that the server refused are taken off the bill and sent again later. Rows that may have
       been answered stay on the bill, and are billed once more when they are sent again.

    Even if an error or an interrupt ends the run, it waits for the answers of requests in progress
    and keeps them. Used by one thread.

    Args:
        endpoint: The endpoint.
        prepare: Function from a batch of the data set's inputs to the inputs of the model.
        ledger: The ledger.
        assignment: What is collected, and for whom.
        progress: Called now and then with a few words.
    """

    def __init__(self,
                 endpoint: Endpoint,
                 prepare: Callable[[np.ndarray], np.ndarray],
                 ledger: Ledger,
                 assignment: Assignment,
                 progress: Callable[[str], None] = lambda text: None):
        self.config = endpoint.config
        self._endpoint, self._prepare, self._ledger = endpoint, prepare, ledger
        self._assignment = assignment
        self._target = ledger.target(assignment.subject.name, assignment.subject.version)
        self._progress = progress
        self._not_before = 0.0  # Holds for all batches.
        self._pool = futures.ThreadPoolExecutor(self.config.concurrency, "endpoint")

    def close(self) -> None:
        """Ends the threads."""
        self._pool.shutdown()

    def bill(self, account: str) -> Bill:
        """Returns what this run has sent."""
        return self._ledger.bill(self._assignment.run, account)

    def collect(self, inputs: np.ndarray, asks: Iterable[int] | None, account: str) -> np.ndarray:
        """Returns the answers for inputs in memory; see `stream`."""
        asks = [0] * len(inputs) if asks is None else asks
        answers = np.empty((len(inputs), self._assignment.num_classes), np.float32)
        start = 0
        for part in self.stream(zip(inputs, asks, strict=True), account):
            answers[start:start + len(part)] = part
            start += len(part)
        return answers

    def stream(self, rows: Iterable[tuple[np.ndarray, int]], account: str) -> Iterator[np.ndarray]:
        """Gets answers in the order of the rows, one window of rows in memory at a time.

        Args:
            rows: Pairs of an input of the data set and the number of the answer to it, 0 for the
                first.
            account: The account that the rows are billed to: `thief` or `evaluation`.

        Yields:
            Arrays `[n, num_classes]`, float32, equal to the bit to those in the ledger.

        Raises:
            BillExceededError: Before rows are sent that `max_rows` does not allow.
            EndpointError: If asking again would not help, or another version answers.
            OSError: If the ledger cannot be written.
        """
        rows = iter(rows)
        window = self.config.rows_per_request * self.config.concurrency * _BATCHES_AHEAD
        while part := list(itertools.islice(rows, window)):
            inputs = self._prepare(np.stack([row for row, _ in part]))
            keys = [(digest(row), ask) for row, (_, ask) in zip(inputs, part, strict=True)]
            first = {key: position for position, key in reversed(list(enumerate(keys)))}
            answers = self._ledger.find(self._target, keys)
            missing = sorted(first[key] for key in first if key not in answers)
            if missing:
                answers |= self._ask(inputs, keys, missing, account)
            yield np.stack([answers[key] for key in keys])

    def _ask(self, inputs, keys, missing, account):
        """Sends the rows at these positions until all have their answers."""
        size = self.config.rows_per_request
        waiting = [_Batch(missing[start:start + size]) for start in range(0, len(missing), size)]
        answers, in_progress = {}, {}
        try:
            while waiting or in_progress:
                for batch in self._due(waiting, self.config.concurrency - len(in_progress)):
                    waiting.remove(batch)
                    in_progress[self._send(batch, inputs, keys, account)] = batch
                answers |= self._receive(in_progress, waiting, keys, account)
                self._progress(f"{len(answers):,} of {len(missing):,} rows answered")
        finally:  # Nothing is in progress unless an error or an interrupt ended the loop.
            futures.wait(in_progress)
            self._finish(in_progress, keys, account)
        return answers

    def _due(self, waiting, most):
        """The batches to send now, at most `most`."""
        now = time.monotonic()
        if now < self._not_before:
            return []
        due = [batch for batch in waiting if batch.not_before <= now][:most]
        # With a limited rate, the next batch is due once the rows of this one are paid for in time.
        return due[:1] if self.config.rows_per_second else due

    def _pause_s(self, waiting):
        """Seconds until a batch may be due, None if none waits."""
        if not waiting:
            return None
        due = max(self._not_before, min(batch.not_before for batch in waiting))
        return max(0.0, due - time.monotonic())

    def _send(self, batch, inputs, keys, account):
        billed = [keys[position] for position in batch.positions]
        self._check_bill(len(billed))
        self._ledger.intend(self._target, billed, self._assignment.run, account)
        if self.config.rows_per_second:
            self._not_before = time.monotonic() + len(billed) / self.config.rows_per_second
        return self._pool.submit(self._endpoint.predict, inputs[batch.positions])

    def _check_bill(self, more):
        max_rows = self._assignment.max_rows
        if max_rows is None:
            return
        sent = sum(self.bill(account).rows_sent for account in ("thief", "evaluation"))
        if sent + more > max_rows:
            raise BillExceededError(
                f"`max_rows` allows this run to send {max_rows} rows, {sent} were sent, and {more} "
                "more are needed; they were not sent, and all answers so far are kept. The same "
                "command with a larger `max_rows` goes on")

    def _receive(self, in_progress, waiting, keys, account):
        """Waits for answers, at most until a batch may be due, and keeps them."""
        pause_s = self._pause_s(waiting)
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
            self._retry_later(batch, error)
            waiting.append(batch)
        return answers

    def _finish(self, done, keys, account):
        """Keeps the results of requests; returns answers, failed batches and a fatal error."""
        answered, failed, fatal = [], [], None
        for future, batch in done.items():
            try:
                answered.append((batch, self._read(batch, future)))
            except RequestFailedError as error:
                failed.append((batch, error))
            except Exception as error:  # The answers of the other requests are kept first.
                fatal = fatal or error
        answers = self._settle(answered, keys)
        for batch, error in failed:
            if isinstance(error, RefusedError):
                billed = [keys[position] for position in batch.positions]
                self._ledger.withdraw(self._target, billed, self._assignment.run, account)
        return answers, failed, fatal

    def _read(self, batch, future):
        raw, version = future.result()
        subject = self._assignment.subject
        subject.check(Subject(subject.name, version))
        return read_answers(raw, len(batch.positions), self._assignment.num_classes)

    def _settle(self, answered, keys):
        batches = [(self._target, [keys[position]
                                   for position in batch.positions], answers)
                   for batch, answers in answered]
        if batches:
            self._ledger.settle(batches)
        return {
            key: answer for _, billed, answers in batches
            for key, answer in zip(billed, answers, strict=True)
        }

    def _retry_later(self, batch, error):
        now, delay = time.monotonic(), delay_s(self.config.retry, batch.retries, error)
        batch.retries, batch.not_before = batch.retries + 1, now + delay
        if error.retry_after_s:  # The server asks this of all requests.
            self._not_before = max(self._not_before, now + error.retry_after_s)
