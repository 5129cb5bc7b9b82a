"""Folders of versions, as a server polls them."""
import errno
import os
import pathlib
from typing import Callable

from revsig_keras.saved_model import files

_LARGEST = 2**63 - 1  # A server passes over numbers that are larger.


def publish(base: str | pathlib.Path, write: Callable[[pathlib.Path], None]) -> pathlib.Path:
    """Writes the next version of a model, so that a server sees all of it or nothing.

    `write` fills a folder in `base` that is no version. When it is complete and on disk, it is
    renamed to the next number; if another process has taken that meanwhile, to the one after.

    Args:
        base: Folder of the versions `1`, `2` and so on; made if it is not there.
        write: Called with a path that does not exist, in a folder that does.

    Returns:
        The folder of the new version.

    Raises:
        OSError: If `base` cannot be written to. Then, and whenever `write` fails, nothing is left.
    """
    base = pathlib.Path(base)
    with files.unfinished(base) as folder:
        write(folder / "model")
        for path in [*(folder / "model").rglob("*"), folder / "model"]:
            _flush(path)
        version = _rename(folder / "model", base)
        _flush(base)
        return version


def _rename(folder, base):
    """Renames `folder` to the next version that is free."""
    while True:
        numbers = [int(name) for name in os.listdir(base) if name.isascii() and name.isdigit()]
        version = base / str(max((x for x in numbers if x < _LARGEST), default=0) + 1)
        try:
            return folder.rename(version)
        except OSError as error:  # Taken since it was listed.
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise


def _flush(path):
    """Waits until a file, or the entries of a folder, are on disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
