"""Arrays of byte strings in .npy files, read without running what a pickle may hold."""
import pickle
from typing import Any, BinaryIO

import numpy as np

# All that NumPy's pickle of an array of byte strings names.
_ALLOWED = {(module, name)
            for module in ("numpy.core.multiarray", "numpy._core.multiarray", "numpy")
            for name in ("_reconstruct", "ndarray", "dtype")} | {("_codecs", "encode")}


class _Unpickler(pickle.Unpickler):
    """Makes arrays, byte strings and text, and refuses all else."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _ALLOWED:
            raise pickle.UnpicklingError(f"it names {module}.{name}")
        return super().find_class(module, name)


def read_npy(file: BinaryIO) -> np.ndarray:
    """Reads an .npy file, also one of Python objects if they are byte strings or text.

    NumPy's own arrays of byte strings lose zeros at the end of each; arrays of objects keep them.

    Raises:
        ValueError: If it holds other objects. Nothing of them is run.
    """
    start = file.tell()
    version = np.lib.format.read_magic(file)
    read_header = (np.lib.format.read_array_header_1_0
                   if version == (1, 0) else np.lib.format.read_array_header_2_0)
    _, _, dtype = read_header(file)
    if not dtype.hasobject:
        file.seek(start)
        return np.lib.format.read_array(file, allow_pickle=False)
    try:
        array = _Unpickler(file).load()
    except Exception as error:  # pylint: disable=broad-except
        # Damage may raise anything.
        raise ValueError(f"objects other than byte strings are refused: {error}") from error
    if not isinstance(array, np.ndarray) or not all(
            isinstance(value, (bytes, str)) for value in array.ravel()):
        raise ValueError("objects other than byte strings are refused")
    return array
