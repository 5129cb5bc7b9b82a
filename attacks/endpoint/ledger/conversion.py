"""Converts a ledger of version 1, an SQLite database."""

import collections
from collections.abc import Iterator
import contextlib
import fcntl
import itertools
import os
import sqlite3

from absl import logging

from attacks.endpoint.ledger import log
from attacks.endpoint.ledger import version_1
from attacks.endpoint.ledger.records import Answer
from attacks.endpoint.ledger.records import Facts
from attacks.endpoint.ledger.records import rows_of
from attacks.endpoint.ledger.records import Sending
from attacks.endpoint.ledger.records import target_of
from attacks.endpoint.ledger.salvage import salvage
from attacks.endpoint.ledger.write_ahead_log import WriteAheadLog

_ROWS_AT_ONCE = 1000
# Where SQLite locks a file, and how many bytes (section "Locking" of its os.h).
_LOCKED_BYTE, _LOCKED_BYTES = 2**30, 512


def is_database(path: str) -> bool:
    """Whether a file is, or was, a ledger of version 1."""
    with open(path, "rb") as file:
        content = file.read(2 * 4096)
    is_ledger = (content.startswith(b"SQLite format 3\0") and
                 content[68:72] == version_1.APPLICATION_ID)
    return is_ledger or version_1.MARK in content


def convert(path: str) -> None:
    """Puts a log in the place of a ledger of version 1, which is kept as `PATH.sqlite-NUMBER`.

    Of a damaged one, each undamaged row is read from the pages of the database and of its
    write-ahead log. What the format cannot tell is a write-ahead log that is missing, or was cut
    off after a commit.

    Raises:
        ValueError: If a run of an earlier release uses it, or nothing of it can be read.
    """
    write_ahead_log = WriteAheadLog.of(path)
    tables = None if write_ahead_log.is_damaged else _read(path)
    if is_damaged := tables is None:
        _check_unused(path)
        tables = salvage(path, write_ahead_log)
        if not tables.targets:
            raise _unreadable(path, "damaged")
    kept = log.write(path, _records(tables), keep_as="sqlite")
    if os.path.exists(f"{path}-wal"):
        os.replace(f"{path}-wal", f"{kept}-wal")
    with contextlib.suppress(FileNotFoundError):
        os.remove(f"{path}-shm")
    logging.warning(
        "The ledger %s was an SQLite database, as earlier releases made it: it is converted, and "
        "the database is kept as %s%s", path, kept, is_damaged * "; it is damaged, and "
        "what stood on the damaged part may be asked and paid for again")


def _read(path) -> version_1.Tables | None:
    """Reads a database that no other process uses; returns None if it is damaged."""
    try:
        with contextlib.closing(sqlite3.connect(path, timeout=0,
                                                isolation_level=None)) as connection:
            connection.execute("PRAGMA locking_mode = EXCLUSIVE")
            connection.execute("BEGIN EXCLUSIVE")
            return version_1.read(connection)
    except sqlite3.Error as error:
        if "locked" in str(error):
            raise _unreadable(path, f"in use ({error})") from None
        return None


def _check_unused(path):
    """Raises `ValueError` if a process has locked the database, which may be unreadable."""
    with open(path, "r+b") as file:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, _LOCKED_BYTES, _LOCKED_BYTE)
        except OSError:
            raise _unreadable(path, "in use") from None


def _unreadable(path, reason):
    return ValueError(
        "`ledger` must be a ledger that can be converted. Received: "
        f"{path}, an SQLite database that is {reason}. Wait for the run that uses it, or move the "
        "file away and let everything be asked again")


def _records(tables: version_1.Tables) -> Iterator[bytes]:
    """Yields the records of a log; how often a row was sent is not kept, only that it was."""
    targets = {number: target_of(*target) for number, target in tables.targets.items()}
    asks = iter(tables.asks.items())
    while part := list(itertools.islice(asks, _ROWS_AT_ONCE)):
        in_doubt = collections.defaultdict(list)
        for (number, key), answer in part:
            if number not in targets:
                continue
            row, = rows_of(targets[number], [key])
            if answer is None:
                in_doubt[targets[number]].append(row)
            else:
                yield Answer(targets[number], row, answer).encode()
        for target, rows in in_doubt.items():
            yield Sending(False, target, rows, None).encode()
    yield Facts(tables.owned, tables.bills).encode()
