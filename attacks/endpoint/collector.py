"""Asks an endpoint, and forgets nothing: what was answered once is not asked again."""

from collections.abc import Callable, Iterable, Iterator
from concurrent import futures
import dataclasses
import itertools
import random
import time

import numpy as np

from attacks.endpoint.endpoint import Endpoint
from attacks.endpoint.failures import EndpointError
from attacks.endpoint.failures import RefusedError
from attacks.endpoint.failures import RequestFailedError
from attacks.endpoint.ledger.ledger import Bill
from attacks.endpoint.ledger.ledger import Ledger
from attacks.oracle.answers import read_answers
from attacks.oracle.oracle import digest

# Batches for each of the requests at a time that are looked up together: enough that those who wait
# for the last of them cost little, few enough to fit into memory.
_BATCHES_AHEAD = 16
# The longest that a server may ask to wait; past it, a run ends rather than sit there.
_LONGEST_WAIT_S = 600


class BillExceededError(ValueError):
    """More rows would have to be sent than `--max_rows` allows; they were not."""


@dataclasses.dataclass(frozen=True)
class Subject:
    """What a run is about.

    Attributes:
        name: The address and what is called there, in the ledger and in results.
        version: The model's version.
    """
    name: str
    version: str

    def check(self, other: "Subject") -> None:
        """Raises `EndpointError` if the other is not the same."""
        if other != self:
            raise EndpointError(
                f"This run is about {self.name}, version {self.version}, and now {other.name} "
                f"answers with version {other.version}. Answers of two models are not mixed: name "
                "a new --output_dir, or pin the version by /versions/... in --oracle")


@dataclasses.dataclass
class _Batch:
    """Rows that are sent together, and when; the positions are those in the window."""
    positions: list[int]
    retries: int = 0
    not_before: float = 0.0


class Collector:
    """Gets the answers of an endpoint, from the ledger or by asking.

    For every row that has no answer in the ledger:

    1. The bill is checked: past `max_rows`, `BillExceededError` is raised and nothing is sent.
    2. The intent is written to disk, then the rows are sent, in batches, several at a time.
    3. The answers are written to disk before anybody gets them.
    4. Rows that the server refused are taken off the bill and sent again, later. Rows whose fate is
       unknown stay on it, and are billed once more when they are sent again.

    Whatever stops it, an error or an interrupt, answers that are on their way are awaited and kept.
    Used by one thread.

    Args:
        endpoint: Where the rows are sent.
        prepare: Makes of a batch of the data set's inputs what the model takes.
        ledger: Where it is all written down.
        subject: What is asked; an answer of another version ends the run.
        run: The run's id in the ledger, to which rows are billed.
        num_classes: The number of classes of the data.
        max_rows: The most rows that this run may send, or None for no bound.
        progress: Called now and then with a few words.
    """

    def __init__(self,
                 endpoint: Endpoint,
                 prepare: Callable[[np.ndarray], np.ndarray],
                 ledger: Ledger,
                 subject: Subject,
                 run: str,
                 num_classes: int,
                 max_rows: int | None = None,
                 progress: Callable[[str], None] = lambda text: None):
        self.config = endpoint.config
        self._endpoint, self._prepare, self._ledger = endpoint, prepare, ledger
        self._subject, self._run = subject, run
        self._row = ledger.target(subject.name, subject.version)
        self._num_classes = num_classes
        self._max_rows = max_rows
        self._progress = progress
        self._not_before = 0.0  # for all batches
        self._pool = futures.ThreadPoolExecutor(self.config.concurrency, "endpoint")

    def close(self) -> None:
        """Ends the threads."""
        self._pool.shutdown()

    def collect(self, inputs: np.ndarray, asks: Iterable[int] | None, account: str) -> np.ndarray:
        """The answers for inputs that are in memory; see `stream`."""
        asks = [0] * len(inputs) if asks is None else asks
        answers = np.empty((len(inputs), self._num_classes), np.float32)
        start = 0
        for part in self.stream(zip(inputs, asks, strict=True), account):
            answers[start:start + len(part)] = part
            start += len(part)
        return answers

    def stream(self, rows: Iterable[tuple[np.ndarray, int]], account: str) -> Iterator[np.ndarray]:
        """Gets answers in the order of the rows, in memory that does not grow with their number.

        Args:
            rows: Pairs of an input of the data set and which of its answers is wanted, 0 for the
                first.
            account: Whom the rows are billed to: `thief` or `evaluation`.

        Yields:
            Arrays `[n, num_classes]`, float32, to the bit as they are in the ledger.

        Raises:
            BillExceededError: Before rows are sent that `max_rows` does not allow.
            EndpointError: If the endpoint fails for good, or serves another version.
            OSError: If the ledger cannot be written.
        """
        rows = iter(rows)
        window = self.config.batch_size * self.config.concurrency * _BATCHES_AHEAD
        while part := list(itertools.islice(rows, window)):
            inputs = self._prepare(np.stack([row for row, _ in part]))
            keys = [(digest(row), ask) for row, (_, ask) in zip(inputs, part, strict=True)]
            first = {key: position for position, key in reversed(list(enumerate(keys)))}
            answers = self._ledger.find(self._row, keys)
            missing = sorted(first[key] for key in first if key not in answers)
            if missing:
                answers |= self._ask(inputs, keys, missing, account)
            yield np.stack([answers[key] for key in keys])

    def bill(self, account: str) -> Bill:
        """What this run has sent."""
        return self._ledger.bill(self._run, account)

    def _ask(self, inputs, keys, missing, account):
        """Sends the rows at these positions until each has its answer."""
        size = self.config.batch_size
        waiting = [_Batch(missing[start:start + size]) for start in range(0, len(missing), size)]
        answers, flying, rows = {}, {}, len(missing)
        try:
            while waiting or flying:
                for batch in self._due(waiting, self.config.concurrency - len(flying)):
                    waiting.remove(batch)
                    flying[self._send(batch, inputs, keys, account)] = batch
                answers |= self._receive(flying, waiting, keys, account, self._pause(waiting))
                self._progress(f"{len(answers):,} of {rows:,} rows answered")
        finally:  # Where all went well, nothing is on its way.
            futures.wait(flying)
            self._finish(flying, keys, account)
        return answers

    def _due(self, waiting, places):
        """The batches to send now, at most so many."""
        now = time.monotonic()
        if now < self._not_before:
            return []
        due = [batch for batch in waiting if batch.not_before <= now][:places]
        # Of a bounded rate, each batch pays for its own rows, by the time until the next one.
        return due[:1] if self.config.rows_per_second else due

    def _pause(self, waiting):
        """Seconds until a batch may be due, None if none waits."""
        if not waiting:
            return None
        due = max(self._not_before, min(batch.not_before for batch in waiting))
        return max(0.0, due - time.monotonic())

    def _send(self, batch, inputs, keys, account):
        billed = [keys[position] for position in batch.positions]
        self._check_bill(len(billed))
        self._ledger.intend(self._row, billed, self._run, account)
        if self.config.rows_per_second:
            self._not_before = time.monotonic() + len(billed) / self.config.rows_per_second
        return self._pool.submit(self._endpoint.predict, inputs[batch.positions])

    def _check_bill(self, more):
        if self._max_rows is None:
            return
        sent = sum(self.bill(account).rows_sent for account in ("thief", "evaluation"))
        if sent + more > self._max_rows:
            raise BillExceededError(
                f"`--max_rows` allows this run to send {self._max_rows} rows, {sent} were sent, "
                f"and {more} more are needed; they were not sent, and the answers so far are kept. "
                "The same command with a larger --max_rows goes on")

    def _receive(self, flying, waiting, keys, account, pause):
        """Waits for answers, at most until a batch may be due, and writes them down."""
        if not flying:
            time.sleep(pause or 0)
            return {}
        is_full = len(flying) >= self.config.concurrency
        done, _ = futures.wait(flying, None if is_full else pause, futures.FIRST_COMPLETED)
        answers, failed, fatal = self._finish({future: flying.pop(future) for future in done}, keys,
                                              account)
        if fatal:
            raise fatal
        for batch, error in failed:
            self._retry_later(batch, error)
            waiting.append(batch)
        return answers

    def _finish(self, done, keys, account):
        """Writes down what became of requests: answers, failures that pass, and a fatal one."""
        answered, failed, fatal = [], [], None
        for future, batch in done.items():
            try:
                answered.append((batch, self._read(batch, future)))
            except RequestFailedError as error:
                failed.append((batch, error))
            except Exception as error:  # Whatever it is, the other answers are kept first.
                fatal = fatal or error
        answers = self._settle(answered, keys)
        for batch, error in failed:
            if isinstance(error, RefusedError):
                billed = [keys[position] for position in batch.positions]
                self._ledger.withdraw(self._row, billed, self._run, account)
        return answers, failed, fatal

    def _read(self, batch, future):
        raw, version = future.result()
        self._subject.check(Subject(self._subject.name, version))
        return read_answers(raw, len(batch.positions), self._num_classes)

    def _settle(self, answered, keys):
        batches = [(self._row, [keys[position]
                                for position in batch.positions], answers)
                   for batch, answers in answered]
        if batches:
            self._ledger.settle(batches)
        return {
            key: answer for _, billed, answers in batches
            for key, answer in zip(billed, answers, strict=True)
        }

    def _retry_later(self, batch, error):
        if batch.retries == self.config.retry.retries:
            raise EndpointError(f"The endpoint failed {batch.retries + 1} times in a row, and the "
                                f"run gives up; what was answered is kept. It said: {error}")
        if (error.retry_after_s or 0) > _LONGEST_WAIT_S:
            raise EndpointError(f"The endpoint asks to wait for {error.retry_after_s:.0f} s. Give "
                                f"the same command again then. It said: {error}")
        now = time.monotonic()
        delay = self.config.retry.delay_s(batch.retries, error.retry_after_s, random.random())
        batch.retries, batch.not_before = batch.retries + 1, now + delay
        if error.retry_after_s:  # What the server asks for holds for all requests.
            self._not_before = max(self._not_before, now + error.retry_after_s)
