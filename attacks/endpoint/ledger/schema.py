"""How a ledger lies in its file: tables, marks and seals."""

import os
import sqlite3
import zlib

APPLICATION_ID = 0x5EA1ED61
VERSION = 1
PAGE_BYTES = 4096
# Stands on the second page, so that a ledger is known even where its first page is lost.
MARK = f"ledger of revsig_keras, schema {VERSION}"

# Every row of these tables ends in its seal, and no two tables have equally many columns, so that
# a page on its own tells what is on it. What is small and would be missed is kept on two pages.
OWNERS = ("endpoint TEXT NOT NULL", "owned_at TEXT NOT NULL")
TARGETS = ("target INT NOT NULL UNIQUE", "endpoint TEXT NOT NULL", "version TEXT NOT NULL")
BILLS = ("run TEXT NOT NULL", "account TEXT NOT NULL", "rows_sent INT NOT NULL",
         "rows_resent INT NOT NULL")
ASKS = ("target INT NOT NULL", "input BLOB NOT NULL", "ask INT NOT NULL", "sends INT NOT NULL",
        "answer BLOB")


def _table(name: str, columns: tuple[str, ...], key: str) -> str:
    return f"CREATE TABLE {name} ({', '.join(columns)}, seal INT NOT NULL, UNIQUE ({key}))"


# In this order: the first pages of all tables follow from it.
_SCHEMA = ("CREATE TABLE mark (text TEXT NOT NULL)",
           *(_table(name + copy, columns, key)
             for name, columns, key in (("owners", OWNERS, "endpoint"),
                                        ("targets", TARGETS, "endpoint, version"),
                                        ("bills", BILLS, "run, account"))
             for copy in ("", "_copy")), _table("asks", ASKS, "target, input, ask"),
           "CREATE INDEX asks_in_doubt ON asks (target) WHERE answer IS NULL")


def seal(*values: str | bytes | int | None) -> int:
    """Checksum of a row, by which a damaged one is told."""
    crc = 0
    for value in values:
        crc = zlib.crc32(value if isinstance(value, bytes) else repr(value).encode(), crc)
    return crc


def connect(path: str) -> sqlite3.Connection:
    """Opens a database; statements begin and end its transactions, and it waits for no lock."""
    connection = sqlite3.connect(path, timeout=0, isolation_level=None)
    connection.create_function("seal", -1, seal, deterministic=True)
    return connection


def keep(connection: sqlite3.Connection, table: str, *values: str | int) -> None:
    """Writes a row of one of the tables that are kept twice, in place of one with the same key."""
    places = "?, " * len(values)
    for name in (table, f"{table}_copy"):
        connection.execute(f"INSERT OR REPLACE INTO {name} VALUES ({places} ?)",
                           (*values, seal(*values)))


def create(path: str) -> None:
    """Writes an empty ledger, on disk when this returns, where there is no file."""
    connection = connect(path)
    try:
        connection.execute(f"PRAGMA page_size = {PAGE_BYTES}")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("BEGIN IMMEDIATE")
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {VERSION}")
        for statement in _SCHEMA:
            connection.execute(statement)
        connection.execute("INSERT INTO mark VALUES (?)", (MARK,))
        connection.execute("COMMIT")
        connection.execute("PRAGMA journal_mode = WAL")
    finally:
        connection.close()


def is_sound(connection: sqlite3.Connection, thoroughly: bool) -> bool:
    """Whether a ledger's tables are there and, if asked for, all of its pages are in order."""
    (count,), = connection.execute("SELECT count(*) FROM sqlite_schema WHERE sql IS NOT NULL")
    if count != len(_SCHEMA):
        return False
    return not thoroughly or connection.execute("PRAGMA quick_check(1)").fetchall() == [("ok",)]


def has_header(path: str) -> bool:
    """Whether a ledger's first page is as it should be; the file is only read.

    Raises:
        ValueError: If the file is no ledger, or of another schema version.
    """
    with open(path, "rb") as file:
        head = file.read(2 * PAGE_BYTES)
    version = int.from_bytes(head[60:64], "big")
    if head[:16] == b"SQLite format 3\0" and head[68:72] == APPLICATION_ID.to_bytes(4, "big"):
        if version == VERSION:
            return True
        raise ValueError(f"The ledger {path} must be of schema version {VERSION}. Received: "
                         f"version {version}; use the release that wrote it, or another --ledger")
    if MARK.encode() in head[PAGE_BYTES:]:
        return False
    raise ValueError("`--ledger` must be a ledger, or a path where none is yet. Received: "
                     f"{path}, another file with {os.path.getsize(path)} bytes")
