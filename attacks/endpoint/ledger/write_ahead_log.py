"""Reads the write-ahead log of an SQLite database (https://sqlite.org/fileformat2.html, section 4).

A frame is the image of a page, and what a commit has changed ends with a frame that says so. SQLite
reads frames up to the first one that is damaged; the pages of all others can be read as well.
"""

from collections.abc import Iterator
import dataclasses
import struct

from attacks.endpoint.ledger.sqlite_pages import PAGE_BYTES

_HEADER = struct.Struct(">8I")  # Magic, version, page size, count, salts, checksums.
_FRAME = struct.Struct(">6I")  # Page, pages of the database after a commit, salts, checksums.
_FRAME_BYTES = _FRAME.size + PAGE_BYTES
_LITTLE_ENDIAN, _BIG_ENDIAN = 0x377f0682, 0x377f0683
_MASK = 2**32 - 1
# SQLite adds one to the first salt where it begins to write over an older log.
_OLDER = 2**16
_MOST_PAGES = 2**20


@dataclasses.dataclass(frozen=True)
class Frame:
    """A frame.

    Attributes:
        number: Of its page, from 1 on; None if it is damaged.
        page: The page, and what follows it; all of a log that has no frames.
        is_older: Whether it is left of an older log, and was written to the database since.
    """
    number: int | None
    page: bytes
    is_older: bool


@dataclasses.dataclass(frozen=True)
class WriteAheadLog:
    """The log of a database.

    Attributes:
        frames: Its frames, oldest first.
        is_damaged: Whether SQLite would not read all of them. A log that was cut off after a commit
            cannot be told from a whole one.
    """
    frames: list[Frame]
    is_damaged: bool

    @classmethod
    def of(cls, path: str) -> "WriteAheadLog":
        """Reads `PATH-wal`; no log is one without frames."""
        try:
            with open(f"{path}-wal", "rb") as file:
                data = file.read()
        except FileNotFoundError:
            data = b""
        if len(data) < _HEADER.size:
            return cls([], bool(data))
        if (salts := _salts(data)) is None:
            return cls([Frame(None, data, False)], True)
        places = list(_places(data, struct.pack(">2I", *salts)))
        frames = [_frame(data, place, salts) for place in places]
        return cls(frames, _is_damaged(data, places, salts))


def _salts(data):
    """The salts in the header, or if it is damaged, the first that two frames have; else None."""
    if _is_sound(data):
        return _HEADER.unpack_from(data)[4:6]
    places = range(_HEADER.size, len(data) - _FRAME.size, _FRAME_BYTES)
    heads = [_FRAME.unpack_from(data, place) for place in places]
    salts = [head[2:4] for head in heads if 0 < head[0] < _MOST_PAGES and head[1] < _MOST_PAGES]
    return next((each for each in salts if salts.count(each) > 1), None)


def _is_sound(data):
    """Whether the header is undamaged."""
    magic, *_, first, second = _HEADER.unpack_from(data)
    is_sum_right = _checksum(data[:24], (0, 0), _order(data)) == (first, second)
    return magic in (_LITTLE_ENDIAN, _BIG_ENDIAN) and is_sum_right


def _places(data, salts) -> Iterator[int]:
    """Where frames begin: one after another, but for damage, after which their salts tell it."""
    place = _HEADER.size
    while place < len(data):
        yield place
        end = place + _FRAME_BYTES
        found = data.find(salts, place + 8 + 1, end + 8 + len(salts)) - 8
        place = found if found > place else end


def _frame(data, place, salts):
    page = data[place + _FRAME.size:place + _FRAME_BYTES + PAGE_BYTES]
    if len(data) < place + _FRAME.size:
        return Frame(None, page, False)
    number, _, *mine, _, _ = _FRAME.unpack_from(data, place)
    is_older = _is_older(mine, salts)
    return Frame(number if is_older or tuple(mine) == salts else None, page, is_older)


def _is_older(mine, salts):
    # A log has salts of its own: where one of both is the same, the other is damaged.
    return 0 < (salts[0] - mine[0]) & _MASK < _OLDER and mine[1] != salts[1]


def _is_damaged(data, places, salts):
    """Whether SQLite would not read every frame that is not older.

    An undamaged log is a sequence of whole frames that ends with a commit; older frames may follow.
    The checksum of a frame continues that of the frame before it.
    """
    order, before, is_commit = _order(data), _HEADER.unpack_from(data)[6:], True
    if not _is_sound(data):
        return True
    for place in places:
        if len(data) < place + _FRAME_BYTES:
            return True
        _, pages, *mine, first, second = _FRAME.unpack_from(data, place)
        if _is_older(mine, salts):
            break
        content = data[place:place + 8] + data[place + _FRAME.size:place + _FRAME_BYTES]
        before = _checksum(content, before, order)
        if tuple(mine) != salts or before != (first, second):
            return True
        is_commit = pages > 0
    return not is_commit


def _order(data):
    return ">" if _HEADER.unpack_from(data)[0] == _BIG_ENDIAN else "<"


def _checksum(data, sums, order):
    first, second = sums
    words = struct.unpack(f"{order}{len(data) // 4}I", data)
    for even, odd in zip(words[::2], words[1::2], strict=True):
        first = (first + even + second) & _MASK
        second = (second + odd + first) & _MASK
    return first, second
