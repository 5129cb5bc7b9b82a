"""A damaged ledger: what can be read of it is put into a new one, and the old one is kept.

The tables are not asked for it, since one damaged page hides all that is below it: each page is
read by itself, and each row on it is taken if its seal is right. See "Database File Format" of
SQLite for the layout.
"""

from collections.abc import Iterator
import contextlib
import glob
import os
import shutil
import sqlite3
from typing import BinaryIO

from absl import logging

from attacks.endpoint.ledger import schema
from attacks.endpoint.ledger.schema import PAGE_BYTES

_TABLE_LEAF = 0x0d
_LARGEST_ROW = 2**26
_INTEGER_BYTES = (0, 1, 2, 3, 4, 6, 8)
# Which table a row is of, by its values and its seal.
_TABLES = {
    1 + len(columns): name
    for name, columns in (("owners", schema.OWNERS), ("targets", schema.TARGETS),
                          ("bills", schema.BILLS), ("asks", schema.ASKS))
}
# Of how many of its texts a row's key is made.
_KEY = {"owners": 1, "targets": 2, "bills": 2}
_ROWS_AT_ONCE = 10000


def salvage(path: str) -> None:
    """Puts a new ledger in the place of a damaged one, and says so.

    Whenever it is ended, the damaged file is whole, and `finish` or another call goes on.

    Args:
        path: Of a ledger that no one else uses. It is kept, with its `-wal`, as
            `PATH.damaged-NUMBER`.
    """
    new, copy = new_of(path), f"{path}.being-salvaged"
    discard(copy)
    try:
        make(new)
        _copy_in_one_piece(path, copy, new)
        saved = _fill(new, copy)
    finally:
        discard(copy)
    number = 1
    while glob.glob(f"{glob.escape(path)}.damaged-{number}*"):
        number += 1
    rename(new, f"{path}.salvaged-{number}")
    finish(path)
    logging.warning(
        "The ledger %s was damaged: %d asks were saved, and the damaged file is kept as "
        "%s.damaged-%d. What stood on the damaged part may be asked and paid for again", path,
        saved, path, number)


def finish(path: str) -> None:
    """Moves a new ledger to its place, if a call of `salvage` was ended just before that."""
    for salvaged in glob.glob(f"{glob.escape(path)}.salvaged-*"):
        number = salvaged.rpartition("-")[2]
        for suffix in ("-wal", ""):
            if os.path.exists(path + suffix):
                rename(path + suffix, f"{path}.damaged-{number}{suffix}")
        rename(salvaged, path)


def new_of(path: str) -> str:
    """Where a new ledger is made, before it is moved to its place in one piece."""
    return f"{path}.being-made"


def make(path: str) -> None:
    """Writes an empty ledger, in place of one that was not finished."""
    discard(path)
    schema.create(path)


def discard(path: str) -> None:
    """Removes a database that was not finished."""
    for suffix in ("", "-wal", "-shm", "-journal"):
        with contextlib.suppress(FileNotFoundError):
            os.remove(path + suffix)


def rename(path: str, to: str) -> None:
    """Renames a file, on disk when this returns."""
    os.rename(path, to)
    directory = os.open(os.path.dirname(path), os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def _copy_in_one_piece(path: str, copy: str, sound: str) -> None:
    """Copies a ledger with what is still in its `-wal`; its first page is taken from a sound one.

    What a first page says is the same in all ledgers, but for the number of pages.
    """
    for suffix in ("", "-wal"):
        if os.path.exists(path + suffix):
            shutil.copyfile(path + suffix, copy + suffix)
    # The tables' own first pages must be there, be they empty.
    pages = -(-max(os.path.getsize(copy), os.path.getsize(sound)) // PAGE_BYTES)
    with open(sound, "rb") as file:
        first = bytearray(file.read(PAGE_BYTES))
    first[28:32] = pages.to_bytes(4, "big")
    first[92:96] = first[24:28]
    with open(copy, "r+b") as file:
        file.write(first)
        file.truncate(pages * PAGE_BYTES)
    with contextlib.closing(schema.connect(copy)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _fill(new: str, copy: str) -> int:
    """Writes all rows that can be read into an empty ledger; returns the number of asks."""
    small = {}
    with contextlib.closing(schema.connect(new)) as connection, open(copy, "rb") as file:
        asks = []
        for *row, seal in _rows(file):
            table = _TABLES.get(1 + len(row))
            if table is None or schema.seal(*row) != seal:
                continue
            if table == "asks":
                asks.append((*row, seal))
                if len(asks) == _ROWS_AT_ONCE:
                    _write_asks(connection, asks)
                    asks.clear()
            else:
                key = table, *[value for value in row if isinstance(value, str)][:_KEY[table]]
                small[key] = max(small.get(key, row), row)
        _write_asks(connection, asks)
        connection.execute("BEGIN IMMEDIATE")
        for (table, *_), row in small.items():
            schema.keep(connection, table, *row)
        connection.execute("COMMIT")
        return connection.execute("SELECT count(*) FROM asks").fetchone()[0]


def _write_asks(connection: sqlite3.Connection, rows: list[tuple]) -> None:
    """Writes asks; of one that comes twice, as after a page was moved, each part that is known."""
    connection.execute("BEGIN IMMEDIATE")
    connection.executemany(
        "INSERT INTO asks VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET "
        "sends = max(sends, excluded.sends), answer = coalesce(answer, excluded.answer), "
        "seal = seal(target, input, ask, max(sends, excluded.sends), "
        "coalesce(answer, excluded.answer))", rows)
    connection.execute("COMMIT")


def _rows(file: BinaryIO) -> Iterator[list]:
    """All that looks like a row, on every page but the first."""
    for number in range(1, os.fstat(file.fileno()).st_size // PAGE_BYTES):
        file.seek(number * PAGE_BYTES)
        page = file.read(PAGE_BYTES)
        if page[0] != _TABLE_LEAF:
            continue
        for entry in range(8, 8 + 2 * int.from_bytes(page[3:5], "big"), 2):
            # Where the page is damaged, the numbers on it may lead anywhere.
            with contextlib.suppress(IndexError, ValueError):
                yield _values(_payload(file, page, int.from_bytes(page[entry:entry + 2], "big")))


def _payload(file: BinaryIO, page: bytes, start: int) -> bytes:
    """A row's bytes: what is on the page, then what is on a chain of others."""
    size, start = _varint(page, start)
    _, start = _varint(page, start)
    if size > _LARGEST_ROW:
        raise ValueError("too large for a row")
    largest, smallest = PAGE_BYTES - 35, (PAGE_BYTES - 12) * 32 // 255 - 23
    if size <= largest:
        return page[start:start + size]
    here = smallest + (size - smallest) % (PAGE_BYTES - 4)
    here = here if here <= largest else smallest
    parts, missing = [page[start:start + here]], size - here
    following = page[start + here:start + here + 4]
    while missing > 0:
        number = int.from_bytes(following, "big")
        file.seek(max(number - 1, 0) * PAGE_BYTES)
        page = file.read(PAGE_BYTES)
        if number < 2 or not page:
            raise ValueError("the chain ends outside of the file")
        following = page[:4]
        parts.append(page[4:4 + missing])
        missing -= PAGE_BYTES - 4
    return b"".join(parts)


def _values(payload: bytes) -> list[int | str | bytes | None]:
    """The values of a row."""
    values = []
    end, place = _varint(payload, 0)
    start = end
    while place < end:
        kind, place = _varint(payload, place)
        if kind in (8, 9):
            values.append(kind - 8)
        elif kind == 0:
            values.append(None)
        elif kind < len(_INTEGER_BYTES):
            size = _INTEGER_BYTES[kind]
            values.append(int.from_bytes(payload[start:start + size], "big", signed=True))
            start += size
        elif kind >= 12:
            size = (kind - 12) // 2
            value = payload[start:start + size]
            values.append(value.decode() if kind % 2 else value)
            start += size
        else:
            raise ValueError("no ledger holds such a value")
    if start != len(payload):
        raise ValueError("the row ends elsewhere")
    return values


def _varint(data: bytes, place: int) -> tuple[int, int]:
    """A number of up to nine bytes, and where it ends."""
    value = 0
    for count in range(9):
        byte = data[place + count]
        if count == 8:
            return value << 8 | byte, place + 9
        value = value << 7 | byte & 0x7f
        if byte < 0x80:
            break
    return value, place + count + 1
