"""Folders of versions that a server polls."""
import errno
import os
import pathlib
from typing import Callable

from revsig_keras.saved_model import files

_LARGEST = 2**63 - 1  # A server ignores larger numbers.


def publish(base: str | os.PathLike[str], write: Callable[[pathlib.Path], None]) -> pathlib.Path:
    """Writes the next version of a model, so that a server sees all of it or nothing.

    `write` fills a folder in `base` that is no version. Once complete and on disk, the folder is
    renamed to the next number; if another process has just taken that number, to the one after.

    Args:
        base: Folder of the versions `1`, `2` and so on; made if it does not exist.
        write: Called with a path that does not exist, in a folder that does.

    Returns:
        The folder of the new version.

    Raises:
        OSError: If `base` cannot be written to. Nothing is left then, nor when `write` fails.
    """
    if not os.fspath(base):
        raise ValueError("`base` must be a folder. Received: an empty path")
    base = pathlib.Path(base)
    with files.unfinished(base) as folder:
        write(folder / "model")
        for path in [*(folder / "model").rglob("*"), folder / "model"]:
            _flush(path)
        version = _rename(folder / "model", base)
        _flush(base)
        return version


def _rename(folder: pathlib.Path, base: pathlib.Path) -> pathlib.Path:
    """Renames `folder` to the next free version."""
    while True:
        numbers = [int(name) for name in os.listdir(base) if name.isascii() and name.isdigit()]
        version = base / str(max((x for x in numbers if x < _LARGEST), default=0) + 1)
        try:
            return folder.rename(version)
        except OSError as error:  # Taken since it was listed.
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise


def _flush(path: pathlib.Path) -> None:
    """Waits until a file, or the list of files in a folder, is on disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
