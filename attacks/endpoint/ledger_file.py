"""The file that a ledger is kept in: its lock, its transactions, and what can befall them."""

from collections.abc import Iterator
import contextlib
import os
import sqlite3

from absl import logging

from attacks.endpoint import ledger_schema

_CACHE_KIB = 65536
_FULL = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_WRITE, sqlite3.SQLITE_IOERR_FSYNC}


class LedgerError(OSError):
    """The ledger cannot be written or read on; what it says is safe in it is."""


class LedgerFullError(LedgerError):
    """There is no room for more."""


class LedgerFile:
    """A ledger's file, opened for one run alone until it is closed or its process ends.

    Beside it lie `PATH.lock`, which is empty, `PATH.reserve`, and while it is open `PATH-wal`.

    Args:
        path: Where it is, or is to be.
        reserve_bytes: Size of the reserve, which makes room for one more transaction once the disk
            is full.

    Raises:
        ValueError: If another run uses it, it is no ledger, or of another schema version.
        LedgerError: If it cannot be opened or written.
    """

    def __init__(self, path: str, reserve_bytes: int):
        self.path = os.path.realpath(path)
        self._reserve = f"{self.path}.reserve"
        with contextlib.ExitStack() as stack:
            stack.enter_context(contextlib.closing(self._lock()))
            with self._translated():
                self.connection = self._open()
            stack.callback(self.connection.close)
            self._make_reserve(reserve_bytes)
            self._closing = stack.pop_all()

    def _lock(self) -> sqlite3.Connection:
        """Takes the lock, which ends with the connection or the process."""
        if not os.path.isdir(os.path.dirname(self.path)):
            raise ValueError("`--ledger` must be in a directory that is there. Received: "
                             f"{self.path}")
        with self._translated():
            lock = sqlite3.connect(f"{self.path}.lock", timeout=0, isolation_level=None)
            try:
                lock.execute("BEGIN EXCLUSIVE")
            except BaseException:
                lock.close()
                raise
        return lock

    def _open(self) -> sqlite3.Connection:
        if not os.path.exists(self.path) or not os.path.getsize(self.path):
            ledger_schema.create(self.path)
        ledger_schema.check_is_ledger(self.path)
        return self._connect()

    def _connect(self) -> sqlite3.Connection:
        connection = ledger_schema.connect(self.path)
        try:
            connection.execute("PRAGMA locking_mode = EXCLUSIVE")
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA secure_delete = ON")
            connection.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
            connection.execute("BEGIN EXCLUSIVE")
            connection.execute("COMMIT")
        except BaseException:
            connection.close()
            raise
        return connection

    def _make_reserve(self, size: int) -> None:
        try:
            with open(self._reserve, "ab") as file:
                if size > file.tell():
                    file.write(bytes(size - file.tell()))
                    os.fsync(file.fileno())
        except OSError as error:
            self.free_reserve()
            logging.warning(
                "No room beside the ledger %s for a reserve of %d bytes (%s): if the "
                "disk fills up, answers that are on their way can be lost", self.path, size,
                error.strerror)

    def free_reserve(self) -> None:
        """Makes room for one more transaction on a full disk."""
        with contextlib.suppress(OSError):
            os.remove(self._reserve)

    @contextlib.contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """What is written in it is on disk when it ends, or none of it is.

        Raises:
            LedgerFullError: If there is no room for it.
            LedgerError: If the file cannot be written, or is damaged.
        """
        with self._translated():
            try:
                self.connection.execute("BEGIN IMMEDIATE")
                yield self.connection
                self.connection.execute("COMMIT")
            except BaseException:
                if self.connection.in_transaction:
                    with contextlib.suppress(sqlite3.Error):
                        self.connection.execute("ROLLBACK")
                raise

    @contextlib.contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """For reading, with the same errors."""
        with self._translated():
            yield self.connection

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            code = getattr(error, "sqlite_errorcode", 0)
            if code & 0xff == sqlite3.SQLITE_BUSY:
                raise ValueError(
                    f"The ledger {self.path} is in use by another run: wait for it, or "
                    "give this run a ledger of its own by --ledger") from None
            if code in _FULL:
                raise self.full() from error
            raise LedgerError(f"The ledger {self.path} cannot be written or read: {error}. "
                              f"{self._safe()}") from error

    def full(self) -> LedgerFullError:
        """The error that says that the disk is full."""
        return LedgerFullError(f"The disk is full, or a limit on it is reached, at {self.path}. "
                               f"{self._safe()} Free some space and give the same command again")

    def damaged(self) -> LedgerError:
        """The error that says that a row is damaged."""
        return LedgerError(f"The ledger {self.path} is damaged")

    def _safe(self) -> str:
        try:
            (count,), = self.connection.execute("SELECT (SELECT count(*) FROM asks) - (SELECT "
                                                "count(*) FROM asks WHERE answer IS NULL)")
        except (AttributeError, sqlite3.Error):
            return "The answers that are in it stay there."
        return f"{count} answers are safe in it."

    def close(self) -> None:
        """Closes the file and lets other runs have it."""
        self._closing.close()
