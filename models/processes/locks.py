"""Who works on what, where several processes share a directory."""

from collections.abc import Iterator
import contextlib
import errno
import fcntl
import os
import pathlib

# What a file system says that has no locks.
_WITHOUT_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP}


@contextlib.contextmanager
def lock(path: pathlib.Path, wait: bool) -> Iterator[bool]:
    """Holds a lock, which the system frees when the process ends, however it ends.

    It is a POSIX record lock, which network file systems have too, so that machines that see one
    directory can share it. Where a file system has no locks, everybody holds them: work may then be
    done twice, but results are never overwritten. The file is removed at the end.

    Args:
        path: A file of its own, in a directory that is there.
        wait: Whether to wait for whoever holds it.

    Yields:
        Whether it is held: `False` where somebody else holds it and `wait` is not set.
    """
    while True:
        with open(path, "a", encoding="utf-8") as file:
            try:
                fcntl.lockf(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            except BlockingIOError:
                yield False
                return
            except OSError as error:
                if error.errno not in _WITHOUT_LOCKS:
                    raise
            if not _is_at(file, path):
                continue  # Whoever held it has removed it meanwhile, and others may lock a new one.
            try:
                yield True
            finally:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(path)
            return


def _is_at(file, path):
    """Whether an open file is the one of that name."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), os.stat(path))
    except FileNotFoundError:
        return False
