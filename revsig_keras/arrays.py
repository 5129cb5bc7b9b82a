"""Reads NumPy's .npy and .npz files."""
import os
from typing import Any, Collection

import numpy as np

from revsig_keras.errors import first_line

Path = str | os.PathLike[str]


def load_npz(path: Path,
             required: Collection[str],
             optional: Collection[str] = (),
             *,
             argument: str) -> dict[str, np.ndarray]:
    """Reads some arrays of an .npz file.

    Args:
        path: The file. Pickled objects in it are refused, since unpickling may run any code.
        required: Names of arrays that have to be there.
        optional: Names of arrays to read where they are there.
        argument: What error messages call the file, such as "`inputs`".

    Returns:
        The arrays by name.

    Raises:
        ValueError: If the file or one of these arrays cannot be read.
    """

    def read(file: Any) -> dict[str, np.ndarray]:
        if not isinstance(file, np.lib.npyio.NpzFile):
            raise ValueError("it holds a single array without a name")
        missing = sorted(set(required) - set(file.files))
        if missing:
            raise ValueError(f"there is no array {missing[0]}, only: "
                             f"{', '.join(file.files) or 'none'}")
        return _members(file, [name for name in (*required, *optional) if name in file.files])

    noun = "array" if len(required) == 1 else "arrays"
    return _load(
        path, read, f"{argument} must be a readable NumPy .npz file with the {noun} "
        f"{' and '.join(required)}, without pickled objects")


def load_arrays(path: Path, *, argument: str) -> dict[str | None, np.ndarray]:
    """Reads all arrays of an .npy or .npz file; see `load_npz`.

    Returns:
        The arrays by name; that of an .npy file by `None`.
    """

    def read(file: Any) -> dict[str | None, np.ndarray]:
        if isinstance(file, np.lib.npyio.NpzFile):
            return {**_members(file, file.files)}
        return {None: file}

    return _load(path, read,
                 f"{argument} must be a readable .npy or .npz file, without pickled objects")


def _load(path, read, expected):
    try:
        loaded = np.load(path, allow_pickle=False)
        if isinstance(loaded, np.ndarray):
            return read(loaded)
        with loaded as file:
            return read(file)
    except Exception as error:  # pylint: disable=broad-except
        # A damaged archive raises anything: the errors of zip, zlib and NumPy's parser of headers,
        # `RuntimeError` for a bit that says it is encrypted, `MemoryError` for a size.
        raise ValueError(f"{expected}. Received: {path}: {first_line(error)}") from error


def _members(file, names):
    arrays = {name: file[name] for name in names}
    for name, array in arrays.items():
        if not isinstance(array, np.ndarray):  # NumPy returns the bytes of what is no array.
            raise ValueError(f"{name} is not an array")
    return arrays
