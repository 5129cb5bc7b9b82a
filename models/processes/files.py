"""Files that are either complete or not there."""
from collections.abc import Callable, Iterator
import contextlib
import glob
import os
import pathlib
import time
from typing import BinaryIO
import uuid

from models.processes.locks import lock

# Seconds without a change after which a temporary file is taken to be abandoned.
_ABANDONED_SECONDS = 3600


def write_atomically(path: str | os.PathLike, data: str | bytes, overwrite: bool = True) -> None:
    """Writes a file so that at any time, even after a crash, it is either as before or complete.

    Args:
        path: The file, in an existing directory.
        data: `bytes`, or a `str` that is written as UTF-8.
        overwrite: Whether an existing file is replaced. Defaults to `True`.

    Raises:
        FileExistsError: If the file exists and must not be overwritten.
    """
    with _open_atomically(path, overwrite) as file:
        file.write(data.encode() if isinstance(data, str) else data)


def write_once(path: str | os.PathLike, write: Callable[[BinaryIO], None]) -> None:
    """Writes a file unless it exists; of several processes one writes, and the others wait.

    A process that is killed while it writes leaves a temporary file, which is never taken for the
    file, and which a call an hour later removes.

    Args:
        path: The file. Its directory is made if it is missing.
        write: A function that writes the contents to a file that is open for reading and writing.
    """
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    _remove_abandoned(path)
    if path.exists():
        return
    with lock(path.with_name(f".{path.name}.lock"), wait=True):
        if path.exists():
            return
        with _open_atomically(path, overwrite=True) as file:
            write(file)


def _remove_abandoned(path):
    for left in path.parent.glob(f".{glob.escape(path.name)}.{'?' * 32}"):
        with contextlib.suppress(OSError):  # Another process removes it, or we have no permission.
            if time.time() - left.stat().st_mtime > _ABANDONED_SECONDS:
                left.unlink()


@contextlib.contextmanager
def _open_atomically(path, overwrite) -> Iterator[BinaryIO]:
    """Opens a temporary file, which is renamed once it is complete and on disk."""
    directory, name = os.path.split(os.path.abspath(path))
    temporary = os.path.join(directory, f".{name}.{uuid.uuid4().hex}")
    try:
        with open(temporary, "xb+") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        if overwrite:
            os.replace(temporary, path)
        else:
            _link(temporary, path)
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)


def _link(temporary, path):
    """Moves `temporary` to `path` unless that exists: unlike a rename, a link fails then."""
    try:
        os.link(temporary, path)
    except FileExistsError:
        raise
    except OSError:  # A file system without links: checking and renaming are not one step.
        if os.path.exists(path):
            raise FileExistsError(f"{path} exists already.") from None
        os.replace(temporary, path)
