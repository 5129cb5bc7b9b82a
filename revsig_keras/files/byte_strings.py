"""Arrays of byte strings in .npy files, read without running what a pickle may hold."""
from collections.abc import Mapping
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


def refuse_lost_zeros(arrays: Mapping[str | None, np.ndarray], argument: str) -> None:
    """Raises `ValueError` for byte strings that may have lost zeros at their end.

    NumPy fills the byte strings of an array with zeros to one length, and takes all zeros at the
    end of each for such filling. So a string that ended in zeros, as a serialized `tf.Example` with
    a last value of 0.0 does, is cut short. Text has no zeros; it is taken as it is.

    Args:
        arrays: Arrays by name, `None` for the only one.
        argument: What the error message calls the file, such as "`warmup`".
    """
    for name, array in arrays.items():
        if array.dtype.kind != "S":
            continue
        values = array.ravel()
        lengths = np.char.str_len(values)
        short = lengths < array.dtype.itemsize
        if short.any() and not all(map(_is_text, values.tolist())):
            row = int(short.argmax())
            raise ValueError(
                f"{argument} must have byte strings that kept the zeros at their end. Those of "
                "NumPy's arrays of bytes are lost: write a .tfrecord file, or save an array of "
                "objects, `array = np.empty(len(values), object); array[:] = values`. Received: "
                f"{name or 'one array'} of dtype {array.dtype}, where string {row} has "
                f"{lengths[row]} of {array.dtype.itemsize} bytes")


def _is_text(value: bytes) -> bool:
    try:
        text = value.decode()
    except UnicodeDecodeError:
        return False
    return all(character.isprintable() or character.isspace() for character in text)
