"""NumPy arrays: read from .npy and .npz files, or made up to try a model."""
import os
from typing import Any, Callable, Collection, Sequence, TypeVar

import keras
import numpy as np

from revsig_keras.errors import first_line
from revsig_keras.files.byte_strings import read_npy

Path = str | os.PathLike[str]
_Arrays = TypeVar("_Arrays")
_NPY = b"\x93NUMPY"
# Sizes of made-up inputs where a model takes any.
_ROWS = 8
_UNKNOWN_SIZE = 32


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
            return dict(_members(file, file.files).items())
        return {None: file}

    return _load(path, read,
                 f"{argument} must be a readable .npy or .npz file, without pickled objects")


def _load(path: Path, read: Callable[[Any], _Arrays], expected: str) -> _Arrays:
    try:
        with open(path, "rb") as file:
            if file.read(len(_NPY)) == _NPY:
                file.seek(0)
                return read(read_npy(file))
        loaded = np.load(path, allow_pickle=False)
        with loaded as archive:
            return read(archive)
    except Exception as error:  # pylint: disable=broad-except
        # Damage may raise anything: the errors of zipfile, zlib and NumPy's parser of headers,
        # `RuntimeError` for a bit that says "encrypted", `MemoryError` for a wrong size.
        raise ValueError(f"{expected}. Received: {path}: {first_line(error)}") from error


def _members(file: Any, names: Collection[str]) -> dict[str, np.ndarray]:
    arrays = {}
    for name in names:
        member = name if name in file.zip.namelist() else f"{name}.npy"
        with file.zip.open(member) as stream:
            if stream.read(len(_NPY)) != _NPY:
                raise ValueError(f"{name} is not an array")
        with file.zip.open(member) as stream:
            arrays[name] = read_npy(stream)
    return arrays


def random_array(shape: Sequence[int | None], dtype: str,
                 generator: np.random.Generator) -> np.ndarray:
    """Makes up inputs for a model: floats in rows of growing scale, small integers, empty strings.

    Args:
        shape: The shape; sizes that are `None` are chosen.
        dtype: Name of a dtype that the result can be cast to.
        generator: The source of randomness.
    """
    sizes = [(_UNKNOWN_SIZE if axis else _ROWS) if size is None else size
             for axis, size in enumerate(shape)]
    if dtype == "string":
        return np.full(sizes, "")
    if keras.backend.is_float_dtype(dtype):
        values = generator.normal(size=sizes)
        for row in range(1, sizes[0] if sizes else 0):
            values[row] *= 10.0**(row % 4)
        return values
    return generator.integers(2, size=sizes)
