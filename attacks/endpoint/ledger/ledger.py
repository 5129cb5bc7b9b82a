"""The ledger of the rows that an auditor sent to endpoints, and of their answers."""

import collections
from collections.abc import Iterable, Iterator, Sequence
import contextlib
import datetime
import errno
import itertools
import os

import numpy as np

from attacks.endpoint.ledger.companions import lock
from attacks.endpoint.ledger.companions import Reserve
from attacks.endpoint.ledger.log import Log
from attacks.endpoint.ledger.opening import make_ready
from attacks.endpoint.ledger.records import Answer
from attacks.endpoint.ledger.records import Bill
from attacks.endpoint.ledger.records import decode
from attacks.endpoint.ledger.records import Disowning
from attacks.endpoint.ledger.records import Facts
from attacks.endpoint.ledger.records import Key
from attacks.endpoint.ledger.records import Record
from attacks.endpoint.ledger.records import rows_of
from attacks.endpoint.ledger.records import Sending
from attacks.endpoint.ledger.records import target_of
from attacks.endpoint.ledger.rows import RowStates

RESERVE_BYTES = 8 * 2**20
_ANSWERS_AT_ONCE = 1000
_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class LedgerError(OSError):
    """The ledger cannot be written or read on; the message says what is safe in it."""


class LedgerFullError(LedgerError):
    """There is no room for more."""


class Ledger:
    """All rows that were sent to endpoints, with their answers and their bills, on disk.

    The protocol, for each batch:

    1. `find` gives the answers that are known; rows that have one are not asked again.
    2. `intend` writes down that the others are about to be sent, and puts them on the bill of the
       run. Only then are they sent.
    3. `settle` keeps the answers, or `withdraw` takes back what the server refused. With neither,
       the rows stay in doubt: the server may have answered them.
    4. `disown` puts rows in doubt again if it turns out that another version gave their answers.

    What a call has written is on disk when it returns; a call that fails has written nothing. One
    run at a time uses a ledger, in one thread. A damaged ledger heals when it is opened: it keeps
    its undamaged records, a warning says what was lost, and the damaged file is kept as
    `PATH.damaged-NUMBER`.

    Args:
        path: The ledger's file, made if there is none. A ledger of version 1, an SQLite database,
            is converted.
        reserve_bytes: Disk space that is held back for the answers that are on their way when the
            disk fills up.

    Raises:
        ValueError: If another run uses it, or the file is no ledger of this version.
        LedgerError: Here and in every call, if the file cannot be written or read.
    """

    def __init__(self, path: str | os.PathLike, reserve_bytes: int = RESERVE_BYTES):
        self._path = os.path.realpath(path)
        self._forget()
        with self._translated(), contextlib.ExitStack() as stack:
            was_held = stack.enter_context(lock(self._path))
            make_ready(self._path, was_held)
            self._log = stack.enter_context(contextlib.closing(Log(self._path)))
            self._replay()
            if self._log.damage:
                self._log.heal()
                self._replay()
            self._reserve = Reserve(self._path, reserve_bytes)
            self._closing = stack.pop_all()

    def __enter__(self) -> "Ledger":
        return self

    def __exit__(self, *_):
        self.close()

    def close(self) -> None:
        """Closes the file and lets other runs have it."""
        self._closing.close()

    @property
    def path(self) -> str:
        """The ledger's file."""
        return self._path

    def declare_owned(self, endpoint: str) -> None:
        """Records that the user states, now, to own the endpoint."""
        if not self.is_owned(endpoint):
            now = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")
            self._commit([], Facts({endpoint: now}, {}))

    def is_owned(self, endpoint: str) -> bool:
        """Whether the user has stated to own the endpoint, whatever its version."""
        return endpoint in self._facts.owned

    def target(self, endpoint: str, version: str) -> bytes:
        """Returns the digest by which the other calls know a version of an endpoint."""
        return target_of(endpoint, version)

    def find(self, target: bytes, keys: Iterable[Key]) -> dict[Key, np.ndarray]:
        """Returns the answers that are known, float32 of one dimension, by their keys."""
        keys = list(keys)
        rows = rows_of(target, keys)
        return {
            key: self._read(row, offset)
            for key, row, offset in zip(keys, rows, self._rows.offsets(rows), strict=True)
            if offset
        }

    def intend(self, target: bytes, keys: Sequence[Key], run: str, account: str) -> None:
        """Writes down that rows, all different, are about to be sent, and bills them."""
        sending = Sending(False, target, rows_of(target, keys), (run, account))
        self._commit([sending], self._billed(sending))

    def withdraw(self, target: bytes, keys: Sequence[Key], run: str, account: str) -> None:
        """Takes an `intend` back, with its bill: the server has refused the rows.

        Raises:
            ValueError: If they are not in doubt, or not on that bill.
        """
        refusal = Sending(True, target, rows_of(target, keys), (run, account))
        sends, offsets = self._rows.sends(refusal.rows), self._rows.offsets(refusal.rows)
        settled = sum(count <= (offset > 0) for count, offset in zip(sends, offsets, strict=True))
        if settled:
            raise ValueError("`keys` must have been intended, and not be answered since. "
                             f"Received: {settled} keys for which that does not hold")
        facts = self._billed(refusal)
        if min(facts.bills[run, account]) < 0:
            raise ValueError("`keys` must be on the bill of this run and account. Received: "
                             f"{len(keys)} keys, of {self.bill(run, account)}")
        self._commit([refusal], facts)

    def settle(self, batches: Sequence[tuple[bytes, Sequence[Key], np.ndarray]]) -> None:
        """Keeps the answers of one or more batches. An answer that was kept before stands.

        Args:
            batches: Triples (target, keys, answers), the answers float32 `[n, classes]`.

        Raises:
            ValueError: If a key was not intended, or the answers do not fit their keys.
            LedgerError: If the disk is full. The answers are safe nevertheless, as long as the
                reserve was large enough for them; the message says how many are.
        """
        answers = [answer for batch in batches for answer in self._new_answers(*batch)]
        try:
            self._commit(answers)
        except LedgerFullError:
            self._reserve.free()
            self._commit(answers)
            raise self._full() from None

    def disown(self, target: bytes, keys: Iterable[Key]) -> None:
        """Forgets the answers to these keys, which another version may have given."""
        rows = rows_of(target, keys)
        if known := [row for row, at in zip(rows, self._rows.offsets(rows), strict=True) if at]:
            self._commit([Disowning(target, known)])

    def bill(self, run: str, account: str) -> Bill:
        """Returns what an account of a run has cost so far."""
        return self._facts.bills.get((run, account), Bill())

    def in_doubt(self, target: bytes) -> int:
        """Returns the number of rows that were sent and never answered."""
        return self._rows.in_doubt(target)

    def answered(self, target: bytes) -> int:
        """Returns the number of rows with an answer."""
        return self._rows.answered(target)

    def _new_answers(self, target, keys, answers) -> list[Answer]:
        if answers.dtype != np.float32 or answers.ndim != 2 or len(answers) != len(keys):
            raise ValueError(f"`answers` must be float32 [{len(keys)}, classes]. Received: "
                             f"{answers.dtype} {list(answers.shape)}")
        rows = rows_of(target, keys)
        unknown = self._rows.sends(rows).count(0)
        if unknown:
            raise ValueError(f"`keys` must have been intended. Received: {unknown} that were not")
        return [
            Answer(target, row,
                   answer.astype("<f4").tobytes())
            for row, offset, answer in zip(rows, self._rows.offsets(rows), answers, strict=True)
            if not offset
        ]

    def _billed(self, sending: Sending) -> Facts:
        """The bill that a sending, or a refusal, leads to."""
        sign, first = (-1, 1) if sending.is_refused else (1, 0)
        sends, offsets = self._rows.sends(sending.rows), self._rows.offsets(sending.rows)
        resent = sum(
            count > first or offset > 0 for count, offset in zip(sends, offsets, strict=True))
        before = self.bill(*sending.account)
        after = Bill(before.rows_sent + sign * len(sends), before.rows_resent + sign * resent)
        return Facts({}, {sending.account: after})

    def _commit(self, records: Sequence[Record], news: Facts = Facts({}, {})) -> None:
        """Writes records, and all facts that this run has changed, to disk and then to memory."""
        facts = Facts(self._own_facts.owned | news.owned, self._own_facts.bills | news.bills)
        records = [*records, facts]
        with self._translated():
            offsets = self._log.append(record.encode() for record in records)
        self._own_facts = facts
        self._take(zip(offsets, records, strict=True))

    def _replay(self) -> None:
        self._forget()
        self._take((offset, decode(record)) for offset, record in self._log.replay())

    def _forget(self) -> None:
        self._rows, self._facts, self._own_facts = RowStates(), Facts({}, {}), Facts({}, {})

    def _take(self, placed: Iterable[tuple[int, Record]]) -> None:
        """Takes records with their offsets into memory."""
        for kind, group in itertools.groupby(placed, lambda each: type(each[1])):
            while kind is Answer and (part := list(itertools.islice(group, _ANSWERS_AT_ONCE))):
                offsets = collections.defaultdict(dict)
                for offset, answer in part:
                    offsets[answer.target].setdefault(answer.row, offset)
                for target, each in offsets.items():
                    self._rows.answer(target, each)
            for _, record in group:
                facts = record
                if isinstance(record, Disowning):
                    self._rows.disown(record.target, record.rows)
                    continue
                if isinstance(record, Sending):
                    facts = self._billed(record) if record.account else Facts({}, {})
                    count = self._rows.refuse if record.is_refused else self._rows.send
                    count(record.target, record.rows)
                self._facts.owned.update(facts.owned)
                self._facts.bills.update(facts.bills)

    def _read(self, row: bytes, offset: int) -> np.ndarray:
        """Reads an answer."""
        with self._translated():
            record = self._log.read(offset)
        if record is None or (answer := Answer.decode(record)).row != row:
            raise LedgerError(f"The ledger {self._path} is damaged: give the same command again, "
                              "and what can be read of it is saved")
        return np.frombuffer(answer.values, "<f4").astype(np.float32)

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            if isinstance(error, LedgerError):
                raise
            if error.errno in _NO_ROOM:
                raise self._full() from error
            raise LedgerError(f"The ledger {self._path} cannot be written or read: {error}. "
                              f"{self._safe()}") from error

    def _full(self) -> LedgerFullError:
        return LedgerFullError(f"The disk is full, or a limit on it is reached, at {self._path}. "
                               f"{self._safe()} Free some space and give the same command again")

    def _safe(self) -> str:
        return f"{self._rows.answered()} answers are safe in it."
