"""Reads what is undamaged of an SQLite database and its write-ahead log."""

from collections.abc import Iterator
import itertools

from attacks.endpoint.ledger import version_1
from attacks.endpoint.ledger.sqlite_pages import PAGE_BYTES
from attacks.endpoint.ledger.sqlite_pages import rows_on
from attacks.endpoint.ledger.write_ahead_log import WriteAheadLog


def salvage(path: str, log: WriteAheadLog) -> version_1.Tables:
    """Returns the newest undamaged state of each row of a ledger of version 1.

    Args:
        path: The database; it is only read.
        log: Its write-ahead log.
    """
    tables = version_1.Tables()
    with open(path, "rb") as file:
        newest = {}
        for frame in log.frames:
            if not frame.is_older:
                newest[frame.number] = frame.page[:PAGE_BYTES]

        def page_of(number):
            if number in newest:
                return newest[number]
            file.seek(max(number - 1, 0) * PAGE_BYTES)
            return file.read(PAGE_BYTES)

        seen = set()
        for number, page in _pages(file, log):
            is_newest = number is None or number not in seen
            seen.add(number)
            for row in rows_on(page, page_of, version_1.is_undamaged):
                tables.add(row, is_newest)
    return tables


def _pages(file, log) -> Iterator[tuple[int | None, bytes]]:
    """All pages but the first, which has no rows of the tables; the newest first.

    With each page comes what follows it in its file.
    """
    frames = [frame for frame in reversed(log.frames) if frame.number != 1]
    yield from ((frame.number, frame.page) for frame in frames if not frame.is_older)
    for number in itertools.count(2):
        file.seek((number - 1) * PAGE_BYTES)
        if not (page := file.read(2 * PAGE_BYTES)):
            break
        yield number, page
    yield from ((frame.number, frame.page) for frame in frames if frame.is_older)
