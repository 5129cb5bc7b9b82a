"""Frames: how records lie in a file, so that damage to one of them harms no other.

A frame is `MAGIC`, the CRC-32 of everything after it, the length of the record, and the record.
"""

from collections.abc import Iterator
import os
import struct
from typing import BinaryIO
import zlib

MAGIC = b"\xf5RKl"
_HEADER = struct.Struct("<4sII")
_LARGEST_RECORD = 2**28
_CHUNK_BYTES = 2**16


def encode(record: bytes) -> bytes:
    """Returns the frame of a record."""
    rest = len(record).to_bytes(4, "little") + record
    return MAGIC + zlib.crc32(rest).to_bytes(4, "little") + rest


def decode(frame: bytes) -> bytes:
    """Returns the record of an undamaged frame."""
    return frame[_HEADER.size:]


def read(file: BinaryIO) -> bytes | None:
    """Reads the frame at the file's position; returns None if there is no undamaged one."""
    header = file.read(_HEADER.size)
    if len(header) < _HEADER.size:
        return None
    magic, checksum, length = _HEADER.unpack(header)
    if magic != MAGIC or length > _LARGEST_RECORD:
        return None
    record = file.read(length)
    if len(record) < length or zlib.crc32(record, zlib.crc32(header[8:])) != checksum:
        return None
    return header + record


def scan(file: BinaryIO, start: int) -> Iterator[tuple[int, bytes]]:
    """Yields the offset and the bytes of each undamaged frame from `start` on.

    After a damaged frame, whose length may be wrong, the scan goes on at each `MAGIC` there is.
    """
    size, place = os.fstat(file.fileno()).st_size, start
    while place < size:
        file.seek(place)
        while (frame := read(file)) is not None:
            yield place, frame
            place += len(frame)
        place = _next_magic(file, place + 1, size)


def _next_magic(file, place, size):
    """The offset of the next `MAGIC`, or the file's size."""
    file.seek(place)
    data = b""
    while chunk := file.read(_CHUNK_BYTES):
        data += chunk
        found = data.find(MAGIC)
        if found >= 0:
            return place + found
        kept = data[1 - len(MAGIC):]
        place, data = place + len(data) - len(kept), kept
    return size
