"""The files beside a ledger: the lock that holds it for one run, and the reserve of disk space."""

from collections.abc import Iterator
import contextlib
import fcntl
import os

from absl import logging


@contextlib.contextmanager
def lock(path: str) -> Iterator[bool]:
    """Holds a ledger for this run alone, at most until its process ends.

    Yields:
        Whether a run has held it before.

    Raises:
        ValueError: If another run holds it, or the ledger could not be written.
    """
    directory = os.path.dirname(path)
    if not os.path.isdir(directory) or not os.access(directory, os.W_OK):
        raise ValueError("`ledger` must be in an existing directory that can be written. "
                         f"Received: {path}")
    if os.path.exists(path) and not (os.path.isfile(path) and os.access(path, os.R_OK | os.W_OK)):
        raise ValueError(f"`ledger` must be a file that can be read and written. Received: {path}")
    was_held = os.path.exists(f"{path}.lock")
    with open(f"{path}.lock", "ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ValueError("`ledger` must not be in use by another run: wait for that run, or "
                             f"give this one a ledger of its own. Received: {path}") from None
        yield was_held


class Reserve:
    """Disk space that is given up for the answers on their way when the disk fills up.

    Args:
        path: The ledger's file.
        size: In bytes.
    """

    def __init__(self, path: str, size: int):
        self._path = f"{path}.reserve"
        try:
            with open(self._path, "ab") as file:
                if size > file.tell():
                    # Random, since a disk that compresses would hold no room for zeros.
                    file.write(os.urandom(size - file.tell()))
                    os.fsync(file.fileno())
        except OSError as error:
            self.free()
            logging.warning(
                "No room beside the ledger %s for a reserve of %d bytes (%s): if the disk fills "
                "up, answers that are on their way can be lost", path, size, error.strerror)

    def free(self) -> None:
        """Makes room for one more commit on a full disk."""
        with contextlib.suppress(OSError):
            os.remove(self._path)
