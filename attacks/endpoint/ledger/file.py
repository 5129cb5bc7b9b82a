"""The file that a ledger is kept in: its lock, its transactions, and what can befall them."""

from collections.abc import Iterator
import contextlib
import errno
import os
import sqlite3

from absl import logging

from attacks.endpoint.ledger import salvage
from attacks.endpoint.ledger import schema

_CACHE_KIB = 8192
# A check of this much takes about 0.1 s, more where it must come from the disk.
_ALWAYS_CHECKED_BYTES = 64 * 2**20
_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_FULL = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_WRITE, sqlite3.SQLITE_IOERR_FSYNC}


class LedgerError(OSError):
    """The ledger cannot be written or read on; what it says is safe in it is."""


class LedgerFullError(LedgerError):
    """There is no room for more."""


def _is_damage(error: sqlite3.Error) -> bool:
    code = getattr(error, "sqlite_errorcode", 0)
    return (code & 0xff in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB) or
            code == sqlite3.SQLITE_IOERR_SHORT_READ)


class LedgerFile:
    """A ledger's file, opened for one run alone until it is closed or its process ends.

    Beside it lie `PATH.lock`, which is empty, `PATH.reserve`, and while it is open `PATH-wal`.
    `PATH.suspect` is there if damage was met, until it is opened again.

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
        self._suspect = f"{self.path}.suspect"
        with contextlib.ExitStack() as stack:
            stack.enter_context(contextlib.closing(self._lock()))
            with self._translated():
                self.connection = self._open()
            stack.callback(self.connection.close)
            self._make_reserve(reserve_bytes)
            self._closing = stack.pop_all()

    def _lock(self) -> sqlite3.Connection:
        """Takes the lock, which ends with the connection or the process."""
        directory = os.path.dirname(self.path)
        if not os.path.isdir(directory) or not os.access(directory, os.W_OK):
            raise ValueError("`--ledger` must be in a directory that is there and can be written. "
                             f"Received: {self.path}")
        if os.path.exists(self.path) and not os.access(self.path, os.R_OK | os.W_OK):
            raise ValueError("`--ledger` must be a file that can be read and written. Received: "
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
        """Makes the file if there is none, and salvages it if it is damaged."""
        salvage.finish(self.path)
        log = f"{self.path}-wal"
        if not os.path.exists(self.path) or not os.path.getsize(self.path):
            if os.path.exists(log):
                raise ValueError(f"The ledger {self.path} must be beside its {log}. Received: the "
                                 "latter alone; put the ledger back, or move that file away")
            salvage.make(salvage.new_of(self.path))
            salvage.rename(salvage.new_of(self.path), self.path)
        # One that was closed in good order has no such file.
        thoroughly = os.path.exists(log) or os.path.getsize(self.path) <= _ALWAYS_CHECKED_BYTES
        if schema.has_header(self.path) and not os.path.exists(self._suspect):
            connection = self._connect_if_sound(thoroughly)
            if connection is not None:
                return connection
        salvage.salvage(self.path)
        with contextlib.suppress(FileNotFoundError):
            os.remove(self._suspect)
        return self._connect()

    def _connect_if_sound(self, thoroughly: bool) -> sqlite3.Connection | None:
        with contextlib.ExitStack() as stack:
            try:
                connection = stack.enter_context(contextlib.closing(self._connect()))
                if schema.is_sound(connection, thoroughly):
                    stack.pop_all()
                    return connection
            except sqlite3.Error as error:
                if not _is_damage(error):
                    raise
        return None

    def _connect(self) -> sqlite3.Connection:
        connection = schema.connect(self.path)
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
                    # Random, since a disk that compresses would hold no room for zeros.
                    file.write(os.urandom(size - file.tell()))
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
            if _is_damage(error):
                raise self.damaged() from error
            raise self._failed(str(error)) from error
        except LedgerError:
            raise
        except OSError as error:
            raise (self.full() if error.errno in _NO_ROOM else self._failed(str(error))) from error

    def full(self) -> LedgerFullError:
        """The error that says that the disk is full."""
        return LedgerFullError(f"The disk is full, or a limit on it is reached, at {self.path}. "
                               f"{self._safe()} Free some space and give the same command again")

    def damaged(self) -> LedgerError:
        """The error that says that the file is damaged; the next one to open it salvages it."""
        with contextlib.suppress(OSError), open(self._suspect, "ab"):
            pass
        return LedgerError(f"The ledger {self.path} is damaged: give the same command again, and "
                           "what can be read of it is saved")

    def _failed(self, reason: str) -> LedgerError:
        return LedgerError(f"The ledger {self.path} cannot be written or read: {reason}. "
                           f"{self._safe()}")

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
