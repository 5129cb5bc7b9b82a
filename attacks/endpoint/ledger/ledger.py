"""What an auditor has asked of endpoints, and paid for."""

from collections.abc import Iterable, Sequence
import dataclasses
import datetime
import os

import numpy as np

from attacks.endpoint.ledger import schema
from attacks.endpoint.ledger.file import LedgerFile
from attacks.endpoint.ledger.file import LedgerFullError

# The digest of an input, and which time it is asked: 0 for the first.
Key = tuple[bytes, int]
RESERVE_BYTES = 8 * 2**20
_WHERE = "WHERE target = ? AND input = ? AND ask = ?"


@dataclasses.dataclass(frozen=True)
class Bill:
    """What a run has cost.

    Attributes:
        rows_sent: Rows that were sent and not refused, those that were sent again among them.
        rows_resent: Rows that were sent though they had been before, so may be paid for twice.
    """
    rows_sent: int = 0
    rows_resent: int = 0


class Ledger:
    """What was asked of each endpoint, with the answers and the bills, on disk.

    The protocol, for each batch:

    1. `find` says what is known of the rows; those that have an answer are not asked again.
    2. `intend` writes down that the others are about to be sent, and puts them on the bill of the
       run. Only then are they sent.
    3. `settle` keeps the answers, or `withdraw` takes back what the server refused. With neither,
       the rows stay in doubt: the server may have answered them.

    What a call has written is on disk when it returns; one that fails has written nothing. One run
    at a time uses a ledger, in one thread.

    Args:
        path: The ledger's file, made if there is none.
        reserve_bytes: Disk space that is held back for the answers that are on their way when the
            disk fills up.

    Raises:
        ValueError: If another run uses it, or the file is no ledger of this schema version.
        LedgerError: Here and in every call, if the file cannot be written or read.
    """

    def __init__(self, path: str | os.PathLike, reserve_bytes: int = RESERVE_BYTES):
        self._file = LedgerFile(os.fspath(path), reserve_bytes)

    def __enter__(self) -> "Ledger":
        return self

    def __exit__(self, *_):
        self.close()

    def close(self) -> None:
        """Closes the file and lets other runs have it."""
        self._file.close()

    def declare_owned(self, endpoint: str) -> None:
        """Keeps that the user says, now, that the endpoint is their own."""
        if not self.is_owned(endpoint):
            now = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")
            with self._file.transaction() as connection:
                schema.keep(connection, "owners", endpoint, now)

    def is_owned(self, endpoint: str) -> bool:
        """Whether the user has said that the endpoint is their own, whatever its version."""
        return bool(self._read("SELECT * FROM owners WHERE endpoint = ?", endpoint))

    def target(self, endpoint: str, version: str) -> int:
        """The number under which a version of an endpoint is kept, a new one if it is new."""
        rows = self._read("SELECT * FROM targets WHERE endpoint = ? AND version = ?", endpoint,
                          version)
        if rows:
            return rows[0][0]
        with self._file.transaction() as connection:
            # Asks may have outlived their target, where a ledger was salvaged.
            (target,), = connection.execute(
                "SELECT 1 + max(coalesce((SELECT max(target) FROM targets), 0), "
                "coalesce((SELECT max(target) FROM asks), 0))")
            schema.keep(connection, "targets", target, endpoint, version)
        return target

    def versions(self, endpoint: str) -> list[str]:
        """The versions of an endpoint, in the order in which they were first used."""
        rows = self._read("SELECT * FROM targets WHERE endpoint = ? ORDER BY target", endpoint)
        return [version for _, _, version in rows]

    def find(self, target: int, keys: Iterable[Key]) -> dict[Key, tuple[int, np.ndarray | None]]:
        """What is known of some rows.

        Returns:
            For each of the keys that was ever sent, how often it was, and the answer as a float32
            array of one dimension, or None while there is none.
        """
        found = {}
        for key in keys:
            for *_, sends, answer in self._read(f"SELECT * FROM asks {_WHERE}", target, *key):
                if answer is not None:
                    answer = np.frombuffer(answer, "<f4").astype(np.float32)
                found[key] = sends, answer
        return found

    def intend(self, target: int, keys: Sequence[Key], run: str, account: str) -> None:
        """Writes down that rows are about to be sent, and bills them to an account of the run."""
        rows = [(target, *key) for key in keys]
        with self._file.transaction() as connection:
            new = connection.executemany(
                "INSERT OR IGNORE INTO asks VALUES (?1, ?2, ?3, 0, NULL, 0)", rows).rowcount
            connection.executemany(
                "UPDATE asks SET sends = sends + 1, "
                f"seal = seal(target, input, ask, sends + 1, answer) {_WHERE}", rows)
            self._charge(connection, run, account, len(rows), len(rows) - new)

    def withdraw(self, target: int, keys: Sequence[Key], run: str, account: str) -> None:
        """Takes an `intend` back, with its bill: the server has refused the rows.

        Raises:
            ValueError: If they are not in doubt, or not on that bill.
        """
        rows = [(target, *key) for key in keys]
        with self._file.transaction() as connection:
            changed = connection.executemany(
                "UPDATE asks SET sends = sends - 1, "
                f"seal = seal(target, input, ask, sends - 1, answer) {_WHERE} "
                "AND sends > (answer IS NOT NULL)", rows).rowcount
            gone = connection.executemany(
                f"DELETE FROM asks {_WHERE} AND sends = 0 AND answer IS NULL", rows).rowcount
            if rows and changed != len(rows):
                raise ValueError("`keys` must have been intended, and not be answered since. "
                                 f"Received: {len(rows) - changed} that are not so")
            self._charge(connection, run, account, -len(rows), gone - len(rows))

    def settle(self, batches: Sequence[tuple[int, Sequence[Key], np.ndarray]]) -> None:
        """Keeps the answers of one or more batches. An answer that was kept before stands.

        Args:
            batches: Triples (target, keys, answers), the answers float32 `[n, classes]`.

        Raises:
            ValueError: If a key was not intended, or the answers do not fit their keys.
            LedgerError: If the disk is full. The answers are safe nevertheless, as long as the
                reserve was large enough for them; the message says how many are.
        """
        rows = []
        for target, keys, answers in batches:
            if answers.dtype != np.float32 or answers.ndim != 2 or len(answers) != len(keys):
                raise ValueError(f"`answers` must be float32 [{len(keys)}, classes]. Received: "
                                 f"{answers.dtype} {list(answers.shape)}")
            rows.extend((answer.astype("<f4").tobytes(), target, *key)
                        for answer, key in zip(answers, keys, strict=True))
        try:
            self._settle(rows)
        except LedgerFullError:
            self._file.free_reserve()
            self._settle(rows)
            raise self._file.full() from None

    def _settle(self, rows: list[tuple[bytes, int, bytes, int]]) -> None:
        with self._file.transaction() as connection:
            changed = connection.executemany(
                "UPDATE asks SET answer = coalesce(answer, ?1), "
                "seal = seal(target, input, ask, sends, coalesce(answer, ?1)) "
                "WHERE target = ?2 AND input = ?3 AND ask = ?4", rows).rowcount
            if rows and changed != len(rows):
                raise ValueError("`keys` must have been intended. Received: "
                                 f"{len(rows) - changed} that were not")

    def bill(self, run: str, account: str) -> Bill:
        """What an account of a run has cost so far."""
        rows = self._read("SELECT * FROM bills WHERE run = ? AND account = ?", run, account)
        return Bill(*rows[0][2:]) if rows else Bill()

    def _charge(self, connection, run: str, account: str, sent: int, resent: int) -> None:
        before = self.bill(run, account)
        after = Bill(before.rows_sent + sent, before.rows_resent + resent)
        if min(after.rows_sent, after.rows_resent) < 0:
            raise ValueError("`keys` must be on the bill of this run and account. Received: "
                             f"{-sent} of which {-resent} sent again, of {before}")
        schema.keep(connection, "bills", run, account, after.rows_sent, after.rows_resent)

    def in_doubt(self, target: int) -> int:
        """How many rows were sent and never answered."""
        return self._count("SELECT count(*) FROM asks WHERE answer IS NULL AND target = ?", target)

    def answered(self, target: int) -> int:
        """How many rows have an answer."""
        return self._count("SELECT count(*) FROM asks WHERE target = ?",
                           target) - self.in_doubt(target)

    def _read(self, statement: str, *values) -> list[tuple]:
        """Sealed rows, without their seals."""
        with self._file.reading() as connection:
            rows = connection.execute(statement, values).fetchall()
        for *row, seal in rows:
            if schema.seal(*row) != seal:
                raise self._file.damaged()
        return [row[:-1] for row in rows]

    def _count(self, statement: str, *values) -> int:
        with self._file.reading() as connection:
            return connection.execute(statement, values).fetchone()[0]
