"""A log: a file of records that only grows, and that heals itself when it is read.

The file is a `Head` and frames. A commit appends frames, writes a head that includes them, and
returns once both are on disk. So everything before the head's end was committed: if a part of it is
unreadable or missing, the log is damaged. Anything after the head's end was being written when a
run was killed.
"""

from collections.abc import Iterable, Iterator
import contextlib
import dataclasses
import hashlib
import itertools
import os
import shutil

from absl import logging

from attacks.endpoint.ledger import frames
from attacks.endpoint.ledger.head import Head
from attacks.endpoint.ledger.head import HEAD_BYTES
from attacks.endpoint.ledger.head import looks_like_head
from attacks.endpoint.ledger.head import VERSION

_BUFFER_BYTES = 2**16
_sync = getattr(os, "fdatasync", os.fsync)  # Not every system has the former.


def write(path: str, records: Iterable[bytes], keep_as: str | None = None) -> str | None:
    """Writes a whole log. Until that is on disk, the file that is there stays as it is.

    Args:
        path: Where it is to be.
        records: Its records.
        keep_as: What the file that is there is named afterwards: `PATH.KEEP_AS-NUMBER`.

    Returns:
        The new name of the file that was there.
    """
    new, digest, count = f"{path}.being-made", _new_digest(), 0
    try:
        with open(new, "wb") as file:
            file.write(bytes(HEAD_BYTES))
            for frame in map(frames.encode, records):
                file.write(frame)
                digest.update(frame)
                count += 1
            end = file.tell()
            file.seek(0)
            file.write(Head(count, end, digest.hexdigest()).encode())
            file.flush()
            os.fsync(file.fileno())
        kept = keep_as and _keep(path, keep_as)
        os.replace(new, path)
        _sync_directory(path)
        return kept
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.remove(new)


def check(path: str) -> None:
    """Raises `ValueError` unless a file is, or was, a log of this version; it is only read."""
    with open(path, "rb") as file:
        start = file.read(HEAD_BYTES)
        try:
            head = Head.decode(start)
        except ValueError as error:
            raise ValueError(
                f"`ledger` must be of version {VERSION}, or an SQLite database of version 1. "
                f"Received: {path}, of {error}; use the release that wrote it, or another ledger"
            ) from None
        if head or looks_like_head(start) or any(frames.scan(file, 0)):
            return
    raise ValueError("`ledger` must be a ledger, or a path where there is none yet. Received: "
                     f"{path}, another file of {os.path.getsize(path)} bytes")


class Log:
    """A log that no one else uses.

    Args:
        path: The file, which must be there.

    Attributes:
        damage: What `replay` found to be damaged; empty if nothing was.
    """

    def __init__(self, path: str):
        self._path = path
        self.damage = ""
        self._open()

    def _open(self) -> None:
        self._reader = open(self._path, "rb", buffering=_BUFFER_BYTES)
        self._fd = os.open(self._path, os.O_WRONLY)

    def close(self) -> None:
        """Closes the file."""
        self._reader.close()
        os.close(self._fd)

    def replay(self) -> Iterator[tuple[int, bytes]]:
        """Yields each undamaged record with its offset.

        It must be read to its end before records are appended, and if there is damage then, `heal`
        must be called.
        """
        with open(self._path, "rb") as file:
            head = Head.decode(file.read(HEAD_BYTES))
        state, digest, committed = Head(0, HEAD_BYTES, ""), _new_digest(), None
        unreadable = 0
        # A head that lacks a part does not end where it should.
        self._start = HEAD_BYTES if head else 0
        for offset, frame in self._frames():
            if head and state.end == head.end:
                committed = digest.hexdigest()
            yield offset, frames.decode(frame)
            digest.update(frame)
            unreadable += offset - state.end
            state = Head(state.count + 1, offset + len(frame), "")
        if head and state.end == head.end:
            committed = digest.hexdigest()
        self._head, self._digest = dataclasses.replace(state, digest=digest.hexdigest()), digest
        if head is None:
            self.damage = "its head is unreadable"
        elif unreadable or committed != head.digest:
            self.damage = (f"{max(0, head.count - state.count)} of {head.count} records are lost, "
                           f"{unreadable} bytes are unreadable")
        else:
            self.damage = ""
            self._complete(head)

    def _frames(self) -> Iterator[tuple[int, bytes]]:
        with open(self._path, "rb", buffering=_BUFFER_BYTES) as file:
            yield from frames.scan(file, self._start)

    def _complete(self, committed: Head) -> None:
        """Cuts off an unfinished record of a stopped run, and commits whole ones."""
        cut = os.fstat(self._fd).st_size - self._head.end
        if cut:
            logging.warning(
                "The last %d bytes of the ledger %s were being written when a run was stopped, and "
                "are cut off: rows that were on their way then may be asked again", cut, self._path)
            os.ftruncate(self._fd, self._head.end)
        if cut or committed != self._head:
            self.append([])

    def heal(self) -> None:
        """Puts a log of all undamaged records in the place of the damaged one, and says so."""
        records = (frames.decode(frame) for _, frame in self._frames())
        kept = write(self._path, records, keep_as="damaged")
        logging.warning(
            "The ledger %s was damaged (%s): %d records were saved, and the damaged file is kept "
            "as %s. What stood on the damaged part may be asked and paid for again", self._path,
            self.damage, self._head.count, kept)
        self.close()
        self._open()

    def append(self, records: Iterable[bytes]) -> list[int]:
        """Commits records, and returns their offsets; if that fails, nothing is written."""
        encoded = [frames.encode(record) for record in records]
        *offsets, end = itertools.accumulate(map(len, encoded), initial=self._head.end)
        data, digest = b"".join(encoded), self._digest.copy()
        digest.update(data)
        head = Head(self._head.count + len(encoded), end, digest.hexdigest())
        try:
            self._write(data, self._head.end)
            self._write(head.encode(), 0)
            _sync(self._fd)
        except BaseException:
            with contextlib.suppress(OSError):
                self._write(self._head.encode(), 0)
                os.ftruncate(self._fd, self._head.end)
            raise
        self._head, self._digest = head, digest
        return offsets

    def _write(self, data: bytes, offset: int) -> None:
        while data:
            written = os.pwrite(self._fd, data, offset)
            data, offset = data[written:], offset + written

    def read(self, offset: int) -> bytes | None:
        """Returns the record at an offset, or None if it is damaged by now."""
        self._reader.seek(offset)
        frame = frames.read(self._reader)
        return None if frame is None else frames.decode(frame)


def _new_digest():
    return hashlib.blake2b(digest_size=16)


def _keep(path, word):
    """Gives a file a second name."""
    for number in itertools.count(1):
        kept = f"{path}.{word}-{number}"
        if not os.path.exists(kept):
            break
        if os.path.samefile(path, kept):  # A run was stopped before it went on.
            return kept
    try:
        os.link(path, kept)
    except OSError:  # The file system has no hard links.
        shutil.copyfile(path, kept)
    return kept


def _sync_directory(path):
    directory = os.open(os.path.dirname(path), os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
