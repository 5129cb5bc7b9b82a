"""Locks between processes that share a directory, and between the threads of each."""
from collections.abc import Iterator
import contextlib
import errno
import fcntl
import os
import pathlib
import threading
import time

# The errors of a file system that has no locks.
_WITHOUT_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP}
_PAUSE_S = 0.1

# The threads of this process that hold locks, by the real paths of their files. A record lock
# belongs to the process: the system would grant it to a second thread too, and would free it as
# soon as either of them closes the file.
_HOLDERS: dict[str, int] = {}
_CHANGED = threading.Condition()


@contextlib.contextmanager
def lock(path: pathlib.Path, wait: bool) -> Iterator[bool]:
    """Holds a lock, which the system frees when the process ends, however it ends.

    One thread of one process holds it at a time. Between processes it is a POSIX record lock, which
    network file systems have too, so that machines that see one directory can share it. On a file
    system without locks every process is granted it: work may be done twice there, but results are
    never overwritten. The file is removed at the end.

    Args:
        path: A file of its own, in an existing directory.
        wait: Whether to wait for the present holder.

    Yields:
        Whether it is held: `False` if it is held already and `wait` is not set.

    Raises:
        RuntimeError: If this thread holds it already and would wait for itself.
    """
    with _thread_lock(path, wait) as is_ours, contextlib.ExitStack() as stack:
        yield is_ours and stack.enter_context(_process_lock(path, wait))


@contextlib.contextmanager
def _thread_lock(path, wait):
    key, this = os.path.realpath(path), threading.get_ident()
    with _CHANGED:
        if wait:
            if _HOLDERS.get(key) == this:
                raise RuntimeError(f"{path} is locked by this thread, which would wait for itself.")
            _CHANGED.wait_for(lambda: key not in _HOLDERS)
        is_ours = key not in _HOLDERS
        if is_ours:
            _HOLDERS[key] = this
    try:
        yield is_ours
    finally:
        if is_ours:
            with _CHANGED:
                del _HOLDERS[key]
                _CHANGED.notify_all()


@contextlib.contextmanager
def _process_lock(path, wait):
    while True:
        with open(path, "a", encoding="utf-8") as file:
            try:
                fcntl.lockf(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            except BlockingIOError:
                yield False
                return
            except OSError as error:
                if error.errno == errno.EDEADLK:
                    # The system sees two processes that wait for each other. It does not know that
                    # other threads of theirs hold the locks, and free them without waiting.
                    time.sleep(_PAUSE_S)
                    continue
                if error.errno not in _WITHOUT_LOCKS:
                    raise
            if not _is_at(file, path):
                continue  # The last holder has removed it meanwhile; others may lock a new file.
            try:
                yield True
            finally:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(path)
            return


def _is_at(file, path):
    """Whether an open file is the one at `path`."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), os.stat(path))
    except FileNotFoundError:
        return False
