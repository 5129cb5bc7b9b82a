"""Models in files of Keras."""
import json
import os
import pathlib
import re
from typing import Any
import zipfile

import h5py
import keras

from revsig_keras.defended_model.outputs import names
from revsig_keras.defended_model.outputs import structure
from revsig_keras.errors import first_line

SUFFIXES = (".keras", ".h5", ".hdf5")
# What Keras calls the signatures of a SavedModel.
_SIGNATURES = ("serve", "serving_default")
_HDF5, _ZIP = b"\x89HDF", b"PK\x03\x04"
_CONVERTED = {".tflite": "LiteRT", ".onnx": "ONNX"}
_MISSING = re.compile(r"(?:Could not locate (?:class|function)|Unknown \w+:) '?(\w+)|"
                      r"Could not deserialize class '(\w+)' because")
_UNSAFE = re.compile(r"safe_mode|unsafe|Lambda.*arbitrary code", re.DOTALL)


def is_keras_file(path: str | os.PathLike[str]) -> bool:
    """Whether a path is called like a file with a whole model of Keras."""
    return pathlib.Path(path).suffix in SUFFIXES and not str(path).endswith(".weights.h5")


def check_kind(path: str | os.PathLike[str], argument: str) -> None:
    """Raises `ValueError` for files that are known to hold no model that can be defended."""
    path = pathlib.Path(path)
    problem = None
    if path.suffix in _CONVERTED:
        problem = (f"a file of {_CONVERTED[path.suffix]} cannot be defended any more. Defend the "
                   "model that it was made of, and convert the result")
    elif path.is_file():
        with path.open("rb") as file:
            start = file.read(4)
        if start == _HDF5 and path.suffix == ".keras":
            problem = f"this is an HDF5 file. Rename it to {path.with_suffix('.h5').name}"
        elif start == _HDF5 and not _has_configuration(path):
            problem = ("this file has weights only. Make the model, load them by "
                       "`load_weights`, and save all of it by `model.save('model.keras')`")
        elif start == _ZIP and path.suffix in (".h5", ".hdf5"):
            problem = f"this is no HDF5 file. Rename it to {path.with_suffix('.keras').name}"
    if problem is not None:
        raise ValueError(f"{argument} must be a {', '.join(SUFFIXES)} file of a whole model, or "
                         f"the folder of a SavedModel; {problem}. Received: {path}")


def _has_configuration(path: pathlib.Path) -> bool:
    try:
        with h5py.File(path) as file:
            return "model_config" in file.attrs
    except OSError:
        return True  # A damaged file, which is told when it is loaded.


def load_keras_file(path: str | os.PathLike[str],
                    argument: str,
                    safe_mode: bool = True) -> keras.Model:
    """Loads a model, not compiled.

    Args:
        path: A .keras, .h5 or .hdf5 file.
        argument: What error messages call the file, such as "`model`".
        safe_mode: Whether layers that run code of the file are refused.

    Raises:
        ValueError: If the file cannot be read.
    """
    check_kind(path, argument)
    try:
        return keras.saving.load_model(path, compile=False, safe_mode=safe_mode)
    except Exception as error:  # pylint: disable=broad-except
        # A damaged file may raise anything, in its archive, its configuration or its weights.
        raise ValueError(explanation(path, argument, error)) from error


def explanation(path: str | os.PathLike[str], argument: str, error: Exception) -> str:
    """What a user is told of an error of Keras that a file raised when it was loaded."""
    text = str(error)
    unsafe = _UNSAFE.search(text)
    missing = None if unsafe else _MISSING.search(text)
    if unsafe:
        layer = "TFSMLayer" if "TFSMLayer" in text else "Lambda"
        return (f"{argument} has a layer of the kind {layer}, which runs code of the file. If you "
                f"trust its author, allow that by `safe_mode=false`. Received: {path}")
    if missing:
        name = missing[1] or missing[2]
        return (f"{argument} needs {name}, which Keras does not know. Name the Python file that "
                f"defines it by `custom_objects=FILE.py`. Received: {path}")
    if is_legacy(path):
        return (f"{argument} was saved by Keras 2, and Keras 3 cannot read it. Install tf_keras, "
                "and it is read by that: pip install 'revsig_keras[legacy]'. Received: "
                f"{path}: {first_line(error)}")
    return (f"{argument} must be a readable .keras file. Received: "
            f"{path}: {first_line(error)}")


def is_legacy(path: str | os.PathLike[str]) -> bool:
    """Whether a file was written by Keras 2, which lives on as tf_keras."""
    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                version: Any = json.loads(archive.read("metadata.json"))["keras_version"]
        else:
            with h5py.File(path) as file:
                version = file.attrs["keras_version"]
    except Exception:  # pylint: disable=broad-except
        return False  # Damage may raise anything.
    return str(version).startswith("2.")


def output_of(model: keras.Model, name: str | None) -> str | int | None:
    """The output of a model that is called `name` in Python or in the SavedModel of the model.

    Args:
        model: Keras model.
        name: As for the argument `output` of `DefendedModel`, or the name that Keras gives the
            output in a signature, "output" or "signature/output"; `None` for the only output.

    Returns:
        An output as for `DefendedModel`; `name` itself where the outputs are not known.
    """
    outputs = structure(model, "output")
    if outputs is None or name is None:
        return name
    known = names(outputs)
    served = {f"output_{index}": output for index, output in enumerate(known)}
    if isinstance(outputs, dict):
        served = {str(output): output for output in known}
    served.update({str(output): output for output in known if output is not None})
    for signature in _SIGNATURES:
        plain = name.removeprefix(f"{signature}/")
        if name not in getattr(model, "output_names", ()) and plain in served:
            return served[plain]
    return name
