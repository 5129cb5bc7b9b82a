"""The tables of a ledger of version 1, an SQLite database.

Each row ends with a checksum of its other values, and tables differ in their number of columns, so
a row alone tells its table and whether it is undamaged. The small tables are kept twice.
"""

from collections.abc import Iterator
import dataclasses
import sqlite3
import zlib

from attacks.endpoint.ledger.records import Account
from attacks.endpoint.ledger.records import Bill
from attacks.endpoint.ledger.records import Key
from attacks.endpoint.ledger.sqlite_pages import Row

APPLICATION_ID = b"\x5e\xa1\xed\x61"
# On the second page, where it tells a ledger whose first page is damaged.
MARK = b"ledger of revsig_keras, schema 1"
_COLUMNS = {3: "owners", 4: "targets", 5: "bills", 6: "asks"}


@dataclasses.dataclass
class Tables:
    """The rows of all tables.

    Attributes:
        owned: When the user stated to own an endpoint, by the endpoint.
        targets: Endpoint and version, by the number of the target.
        bills: The bill of each account.
        asks: By target and key, the answer as bytes, or None if there is none.
    """
    owned: dict[str, str] = dataclasses.field(default_factory=dict)
    targets: dict[int, tuple[str, str]] = dataclasses.field(default_factory=dict)
    bills: dict[Account, Bill] = dataclasses.field(default_factory=dict)
    asks: dict[tuple[int, Key], bytes | None] = dataclasses.field(default_factory=dict)

    def add(self, row: Row, is_newest: bool = True) -> None:
        """Adds an undamaged row, with its checksum, unless there is a newer one.

        Args:
            row: The row; newer ones come first.
            is_newest: Whether nothing newer is known of the page that the row is on. If not, the
                row may have been removed since, which never happens to one with an answer.
        """
        table, values = _COLUMNS[len(row)], row[:-1]
        if table == "owners":
            self.owned.setdefault(*values)
        elif table == "targets":
            self.targets.setdefault(values[0], values[1:])
        elif table == "bills":
            self.bills.setdefault(values[:2], Bill(*values[2:]))
        elif is_newest or values[4] is not None:
            self.asks.setdefault((values[0], values[1:3]), values[4])


def is_undamaged(row: Row) -> bool:
    """Whether a row is of a ledger, and its checksum is right."""
    if len(row) not in _COLUMNS:
        return False
    crc = 0
    for value in row[:-1]:
        crc = zlib.crc32(value if isinstance(value, bytes) else repr(value).encode(), crc)
    return crc == row[-1]


def read(connection: sqlite3.Connection) -> Tables:
    """Reads a database.

    Raises:
        sqlite3.DatabaseError: If any of it is damaged.
    """
    verdict, = connection.execute("PRAGMA integrity_check(1)").fetchone()
    if verdict != "ok":
        raise sqlite3.DatabaseError(verdict)
    tables = Tables()
    for row in _rows(connection):
        if not is_undamaged(row):
            raise sqlite3.DatabaseError("a row is damaged")
        tables.add(row)
    return tables


def _rows(connection) -> Iterator[Row]:
    for name in _COLUMNS.values():
        for copy in ("", "_copy") if name != "asks" else ("",):
            yield from connection.execute(f"SELECT * FROM {name}{copy}")
