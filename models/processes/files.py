"""What stands in files: complete or not there at all."""
from collections.abc import Callable, Iterator
import contextlib
import glob
import os
import pathlib
import time
from typing import BinaryIO
import uuid

from models.processes.locks import lock

# Seconds without a change after which nobody is taken to be writing a temporary file any more.
_ABANDONED_SECONDS = 3600


def write_atomically(path: str | os.PathLike, data: str | bytes, overwrite: bool = True) -> None:
    """Writes a file so that at any time, even after a crash, it is either as before or complete.

    Args:
        path: the file. Its directory must exist.
        data: `bytes`, or a `str` that is written as UTF-8.
        overwrite: whether an existing file is replaced. Defaults to `True`.

    Raises:
        FileExistsError: if the file exists and must not be overwritten.
    """
    with _open_atomically(path, overwrite) as file:
        file.write(data.encode() if isinstance(data, str) else data)


def write_once(path: str | os.PathLike, write: Callable[[BinaryIO], None]) -> None:
    """Writes a file unless it is there; of several processes one writes, and the others wait.

    What is left by a process that was killed while it wrote is never taken for the file. Whoever
    comes an hour later removes it.

    Args:
        path: the file. Its directory is made if it is missing.
        write: a function that writes what belongs into it to a file that is open for reading and
            writing.
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
        with contextlib.suppress(OSError):  # Another one removes it, or it is not ours to remove.
            if time.time() - left.stat().st_mtime > _ABANDONED_SECONDS:
                left.unlink()


@contextlib.contextmanager
def _open_atomically(path, overwrite) -> Iterator[BinaryIO]:
    """A new file, which gets its name once it is complete and on disk."""
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
    """Names the file `path` unless there is one: a link fails then, where a rename replaces it."""
    try:
        os.link(temporary, path)
    except FileExistsError:
        raise
    except OSError:  # A file system without links: a moment passes between looking and renaming.
        if os.path.exists(path):
            raise FileExistsError(f"{path} is there already.") from None
        os.replace(temporary, path)
