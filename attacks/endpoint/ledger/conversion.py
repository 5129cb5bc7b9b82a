"""Converts a ledger of version 1, an SQLite database."""

import collections
from collections.abc import Iterator
import contextlib
import itertools
import sqlite3
import zlib

from absl import logging

from attacks.endpoint.ledger import log
from attacks.endpoint.ledger.records import Answer
from attacks.endpoint.ledger.records import Bill
from attacks.endpoint.ledger.records import Facts
from attacks.endpoint.ledger.records import rows_of
from attacks.endpoint.ledger.records import Sending
from attacks.endpoint.ledger.records import target_of
from attacks.endpoint.ledger.write_ahead_log import unread_pages
from attacks.endpoint.ledger.write_ahead_log import write_pages

_APPLICATION_ID = b"\x5e\xa1\xed\x61"
# On the second page, where it tells a ledger whose first page is damaged.
_MARK = b"ledger of revsig_keras, schema 1"
_ROWS_AT_ONCE = 1000


def is_database(path: str) -> bool:
    """Whether a file is, or was, a ledger of version 1."""
    with open(path, "rb") as file:
        content = file.read(2 * 4096)
    is_ledger = content.startswith(b"SQLite format 3\0") and content[68:72] == _APPLICATION_ID
    return is_ledger or _MARK in content[4096:]


def convert(path: str) -> None:
    """Puts a log in the place of a ledger of version 1, which is kept as `PATH.sqlite-NUMBER`.

    Raises:
        ValueError: If a run of an earlier release uses it, or SQLite cannot read it at all.
    """
    unread = unread_pages(path)
    try:
        if unread:
            with _alone(path):  # Nobody else uses it, and SQLite has read what it can.
                pass
            write_pages(path, unread)
        with _alone(path) as connection:
            database = _Database(connection)
            database.is_damaged = bool(unread)
            kept = log.write(path, database.records(), keep_as="sqlite")
    except sqlite3.Error as error:
        raise ValueError(
            "`ledger` must be a ledger that can be converted. Received: "
            f"{path}, an SQLite database that is in use or damaged ({error}). Wait for the run "
            "that uses it, or let the release that wrote it save what can be read") from None
    logging.warning(
        "The ledger %s was an SQLite database, as earlier releases made it: it is converted, and "
        "the database is kept as %s%s", path, kept, database.is_damaged * "; it is damaged, and "
        "what stood on the damaged part may be asked and paid for again")


@contextlib.contextmanager
def _alone(path: str) -> Iterator[sqlite3.Connection]:
    """Opens a database that no other process uses, with what is in its write-ahead log."""
    with contextlib.closing(sqlite3.connect(path, timeout=0, isolation_level=None)) as connection:
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        connection.execute("PRAGMA journal_mode = DELETE")
        connection.execute("BEGIN EXCLUSIVE")
        yield connection


class _Database:
    """The tables of a ledger of version 1; a row that is damaged is left out.

    Attributes:
        is_damaged: Whether something was left out.
    """

    def __init__(self, connection: sqlite3.Connection):
        self._connection = connection
        self.is_damaged = False

    def records(self) -> Iterator[bytes]:
        """Yields the records of a log; how often a row was sent is not kept, only that it was."""
        targets = {number: target_of(*target) for number, *target in self._twice("targets")}
        rows = self._rows("asks")
        while part := list(itertools.islice(rows, _ROWS_AT_ONCE)):
            in_doubt = collections.defaultdict(list)
            for number, digest, ask, _, answer in part:
                if number not in targets:
                    self.is_damaged = True
                    continue
                row, = rows_of(targets[number], [(digest, ask)])
                if answer is None:
                    in_doubt[targets[number]].append(row)
                else:
                    yield Answer(targets[number], row, answer).encode()
            for target, each in in_doubt.items():
                yield Sending(False, target, each, None).encode()
        bills = {(run, account): Bill(*bill) for run, account, *bill in self._twice("bills")}
        yield Facts(dict(self._twice("owners")), bills).encode()

    def _twice(self, table):
        """The rows of a table that is kept twice."""
        return sorted({*self._rows(table), *self._rows(f"{table}_copy")})

    def _rows(self, table):
        """The rows of a table, from both of its ends where something in between is damaged."""
        count = last = 0
        for order in ("ASC", "DESC"):
            select = f"SELECT rowid, * FROM {table} WHERE rowid > ? ORDER BY rowid {order}"
            try:
                for last, *row, seal in self._connection.execute(select, (last,)):
                    count += 1
                    if _seal(*row) == seal:
                        yield tuple(row)
                    else:
                        self.is_damaged = True
                return
            except sqlite3.DatabaseError:
                self.is_damaged = True
                if table == "asks" and order == "DESC" and not count:
                    raise


def _seal(*values):
    """The checksum at the end of each row."""
    crc = 0
    for value in values:
        crc = zlib.crc32(value if isinstance(value, bytes) else repr(value).encode(), crc)
    return crc
