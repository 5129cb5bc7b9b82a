"""Reads what SQLite leaves out of a damaged write-ahead log (https://sqlite.org/fileformat2.html).

A frame is the image of a page. SQLite reads frames up to the first one that is damaged; all others
can be used as well, since the rows of a ledger have checksums of their own.
"""

import os
import struct

_HEADER = struct.Struct(">8I")  # Magic, version, page size, count, salts, checksums.
_FRAME = struct.Struct(">6I")  # Page, pages of the database after a commit, salts, checksums.
_BIG_ENDIAN = 0x377f0683
_MASK = 2**32 - 1


def unread_pages(path: str) -> dict[int, bytes]:
    """Returns the committed pages of `PATH-wal`, by number, if SQLite would not read all of them.

    The numbers count from 1. Empty if nothing is damaged, or there is no log.
    """
    try:
        with open(path, "rb") as database, open(f"{path}-wal", "rb") as log:
            start, data = database.read(18), log.read()
    except FileNotFoundError:
        return {}
    size = int.from_bytes(start[16:18].rjust(2, b"\0"), "big")
    size = 65536 if size == 1 else size if 512 <= size <= 32768 else 4096
    frames = [
        data[place:place + _FRAME.size + size]
        for place in range(_HEADER.size,
                           len(data) - _FRAME.size - size + 1, _FRAME.size + size)
    ]
    if not frames:
        return {}
    salts, is_whole = _examined(data[:_HEADER.size], frames)
    heads = [_FRAME.unpack_from(frame) for frame in frames]
    commits = [place for place, head in enumerate(heads) if head[1] and head[2:4] == salts]
    if not commits or all(is_whole[:commits[-1] + 1]):
        return {}
    most = max(heads[place][1] for place in commits)
    return {
        heads[place][0]: frames[place][_FRAME.size:]
        for place in range(commits[-1] + 1)
        if is_whole[place] and 0 < heads[place][0] <= most
    }


def write_pages(path: str, pages: dict[int, bytes]) -> None:
    """Writes pages into a database that nobody uses."""
    with open(path, "r+b") as database:
        for number, page in pages.items():
            database.seek((number - 1) * len(page))
            database.write(page)
        database.flush()
        os.fsync(database.fileno())


def _examined(header, frames):
    """The salts of the log, and of each frame whether it is of this log and undamaged.

    The checksum of a frame continues that of the frame before it, as it is stored there.
    """
    magic, *_, salt_1, salt_2, first, second = _HEADER.unpack(header)
    order = ">" if magic == _BIG_ENDIAN else "<"
    is_whole = []
    if _checksum(header[:24], (0, 0), order) == (first, second):
        salts, before = (salt_1, salt_2), (first, second)
    else:  # SQLite would read nothing.
        salts, before = _salts_of(frames), None
    for frame in frames:
        stored = _FRAME.unpack_from(frame)
        sums = before and _checksum(frame[:8] + frame[_FRAME.size:], before, order)
        is_whole.append(stored[2:4] == salts and sums == stored[4:])
        before = stored[4:]
    return salts, is_whole


def _salts_of(frames):
    """The salts of the first frames, without those of a damaged one; others are of an older log."""
    salts = [_FRAME.unpack_from(frame)[2:4] for frame in frames]
    return next((each for each in salts if salts.count(each) > 1), salts[0])


def _checksum(data, sums, order):
    first, second = sums
    words = struct.unpack(f"{order}{len(data) // 4}I", data)
    for even, odd in zip(words[::2], words[1::2], strict=True):
        first = (first + even + second) & _MASK
        second = (second + odd + first) & _MASK
    return first, second
