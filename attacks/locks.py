"""Who works on what, where several processes share a directory."""

from collections.abc import Iterator
import contextlib
import fcntl
import os
import pathlib


@contextlib.contextmanager
def lock(path: pathlib.Path, wait: bool) -> Iterator[bool]:
    """Holds a lock, which the system frees when the process ends, however it ends.

    It is a POSIX record lock, which network file systems have too, so that machines that see one
    directory can share it. The file is removed at the end.

    Args:
        path: A file of its own, in a directory that is there.
        wait: Whether to wait for whoever holds it.

    Yields:
        Whether it is held: `False` where somebody else holds it and `wait` is not set.
    """
    with open(path, "w", encoding="utf-8") as file:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            yield False
            return
        try:
            yield True
        finally:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)
