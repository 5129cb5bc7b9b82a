"""What stands in files: complete or not there at all; versions."""
import contextlib
import os
import platform
import uuid

import keras
import numpy as np
import tensorflow as tf

import revsig_keras


def write_atomically(path: str | os.PathLike, data: str | bytes, overwrite: bool = True) -> None:
    """Writes a file so that at any time, even after a crash, it is either as before or complete.

    Args:
        path: the file. Its directory must exist.
        data: `bytes`, or a `str` that is written as UTF-8.
        overwrite: whether an existing file is replaced. Defaults to `True`.

    Raises:
        FileExistsError: if the file exists and must not be overwritten.
    """
    directory, name = os.path.split(os.path.abspath(path))
    temporary = os.path.join(directory, f".{name}.{uuid.uuid4().hex}")
    try:
        with open(temporary, "xb") as file:
            file.write(data.encode() if isinstance(data, str) else data)
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


def versions() -> dict[str, str]:
    """The versions that a result depends on, by name."""
    return {
        "python": platform.python_version(),
        "tensorflow": tf.__version__,
        "keras": keras.__version__,
        "numpy": np.__version__,
        "revsig_keras": revsig_keras.__version__,
    }
