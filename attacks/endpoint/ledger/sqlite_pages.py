"""Reads rows of an SQLite database page by page, without the tree that leads to the pages.

A damaged page hides all pages below it from SQLite. The rows of a ledger have checksums of their
own, so each page is read by itself (https://sqlite.org/fileformat2.html, 1.6 and 2.1).
"""

from collections.abc import Callable, Iterator

PAGE_BYTES = 4096
_LEAF = 0x0d
# Interior pages, and the leaf pages of an index.
_OTHERS = (0x02, 0x05, 0x0a)
_HEADER_BYTES = 8
_MOST_UNUSED_BYTES = 60
_INTEGER_BYTES = (0, 1, 2, 3, 4, 6, 8)
_LEAST_COLUMNS, _MOST_COLUMNS = 3, 6
# A row begins with its length in bytes and the kind of each value, here in one to three bytes.
_HEAD_BYTES = range(1 + _LEAST_COLUMNS, 1 + 3 * _MOST_COLUMNS + 1)
_LARGEST_ROW = 2**26
# A longer row goes on on other pages.
_MOST_ON_A_PAGE = PAGE_BYTES - 35
_LEAST_ON_A_PAGE = (PAGE_BYTES - 12) * 32 // 255 - 23

Row = tuple[int | str | bytes | None, ...]


def rows_on(data: bytes, page_of: Callable[[int], bytes],
            is_undamaged: Callable[[Row], bool]) -> list[Row]:
    """Returns the undamaged rows on a page, some of them twice; if it is damaged, and after it.

    Args:
        data: The page, and what follows it in its file: if the page is damaged, it may be that its
            start is not where it should be.
        page_of: Returns the page of a number, on which a long row goes on.
        is_undamaged: Tells whether a row is one, by its checksum.
    """
    page, rows = data[:PAGE_BYTES], []
    if len(page) == PAGE_BYTES and _is_plausible(page):
        count = _short(page, 3) if page[0] == _LEAF else 0
        rows = [row for row in _rows_of_leaf(page, count, page_of) if is_undamaged(row)]
        if len(rows) == count:
            # Only where its rows are: before them may be what is left of removed ones.
            data = page[_short(page, 5):]
    return rows + [row for row in _rows_anywhere(data) if is_undamaged(row)]


def _is_plausible(page):
    """Whether a page begins as a page of a table or of an index does."""
    count, start = _short(page, 3), _short(page, 5)
    is_in_order = _HEADER_BYTES + 2 * count <= start <= PAGE_BYTES
    return (page[0] == _LEAF or
            page[0] in _OTHERS) and is_in_order and (page[7] <= _MOST_UNUSED_BYTES and
                                                     (count > 0 or start == PAGE_BYTES))


def _rows_of_leaf(page, count, page_of) -> Iterator[Row]:
    """What the page says are rows."""
    for entry in range(_HEADER_BYTES, _HEADER_BYTES + 2 * count, 2):
        try:
            payload = _payload(page, _short(page, entry), page_of)
            kinds, start = _head(payload, 0)
            yield _values(payload, kinds, start)
        except (IndexError, ValueError):
            continue


def _rows_anywhere(data) -> Iterator[Row]:
    """What looks like a row that is in one piece, the last, which is the newest, first."""
    for place in range(len(data) - 1, -1, -1):
        if data[place] in _HEAD_BYTES:
            try:
                kinds, start = _head(data, place)
                if _LEAST_COLUMNS <= len(kinds) <= _MOST_COLUMNS:
                    yield _values(data, kinds, start)
            except (IndexError, ValueError):
                continue


def _payload(page, place, page_of) -> bytes:
    """The bytes of the row at a place; their number and that of the row stand before them."""
    size, place = _integer(page, place)
    _, place = _integer(page, place)
    if size > _LARGEST_ROW:
        raise ValueError
    here = size
    if size > _MOST_ON_A_PAGE:
        here = _LEAST_ON_A_PAGE + (size - _LEAST_ON_A_PAGE) % (PAGE_BYTES - 4)
        here = here if here <= _MOST_ON_A_PAGE else _LEAST_ON_A_PAGE
    parts, missing = [page[place:place + here]], size - here
    following = page[place + here:place + here + 4]
    while missing > 0:
        page = page_of(int.from_bytes(following, "big"))
        following = page[:4]
        parts.append(page[4:4 + missing])
        missing -= len(parts[-1])
        if not parts[-1]:
            raise ValueError
    return b"".join(parts)


def _head(data, place) -> tuple[list[int], int]:
    """The kinds of the values of a row, and where the values begin."""
    start, kinds = place + data[place], []
    place += 1
    while place < start:
        kind, place = _integer(data, place)
        kinds.append(kind)
    if place != start:
        raise ValueError
    return kinds, start


def _values(data, kinds, start) -> Row:
    values: list[int | str | bytes | None] = []
    for kind in kinds:
        end = start + _size(kind)
        if end > len(data):
            raise ValueError
        content, start = data[start:end], end
        if kind >= 12:
            values.append(content.decode() if kind % 2 else content)
        elif kind in (8, 9):
            values.append(kind - 8)
        else:
            values.append(int.from_bytes(content, "big", signed=True) if kind else None)
    return tuple(values)


def _size(kind):
    if kind >= 12:
        return (kind - 12) // 2
    return 0 if kind in (8, 9) else _INTEGER_BYTES[kind]


def _short(page, place):
    return int.from_bytes(page[place:place + 2], "big")


def _integer(data, place) -> tuple[int, int]:
    """A number of one to nine bytes, and where it ends."""
    value = 0
    for count in range(8):
        byte = data[place + count]
        value = value << 7 | byte & 0x7f
        if byte < 0x80:
            return value, place + count + 1
    return value << 8 | data[place + 8], place + 9
