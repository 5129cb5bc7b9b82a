"""Models of Keras 2, which lives on as the package tf_keras."""
from collections.abc import Iterator
import contextlib
import importlib.util
import json
import os
import pathlib
import sys
import tempfile
from typing import Any
import zipfile

import h5py
import keras

from revsig_keras.errors import cause_line
from revsig_keras.export.keras_files import explanation
from revsig_keras.export.keras_files import is_legacy
from revsig_keras.saved_model import files

_PACKAGE = "tf_keras"


def is_model(model: Any) -> bool:
    """Whether an object is a model of tf_keras."""
    tf_keras = sys.modules.get(_PACKAGE)  # A model needs it imported.
    return tf_keras is not None and isinstance(model, tf_keras.Model)


def is_taken(model: Any) -> bool:
    """Whether a model is one of tf_keras, or a file written by Keras 2 that tf_keras can read."""
    return is_model(model) or (isinstance(model, (str, os.PathLike)) and is_legacy(model) and
                               importlib.util.find_spec(_PACKAGE) is not None)


@contextlib.contextmanager
def as_saved_model(model: Any, safe_mode: bool = True) -> Iterator[pathlib.Path]:
    """Writes a model as a SavedModel, which is gone after the context.

    Args:
        model: A model of tf_keras, or the file of one.
        safe_mode: Whether layers that run code of the file are refused.

    Raises:
        ValueError: If tf_keras cannot read the file.
        SavedModelError: If it cannot write the model.
    """
    if not is_model(model):
        model = _load(model, safe_mode)
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "model")
        with files.clear_errors("the model of Keras 2 cannot be written", Exception):
            model.save(path, save_format="tf")
        yield path


def _load(path: str | os.PathLike[str], safe_mode: bool) -> Any:
    import tf_keras
    if safe_mode and _has_lambda(path):  # tf_keras itself runs that of an HDF5 file.
        raise ValueError(explanation(path, "`model`", ValueError("Lambda: arbitrary code")))
    known = keras.saving.get_custom_objects()
    own = {
        name: value
        for name, value in known.items()
        if not (isinstance(value, type) and issubclass(value, keras.Operation))
    }
    try:
        return tf_keras.models.load_model(path, own, compile=False, safe_mode=safe_mode)
    except Exception as error:  # pylint: disable=broad-except
        # A damaged file may raise anything.
        told = explanation(path, "`model`", error)
        if "custom_objects" in told or "safe_mode" in told:
            raise ValueError(told) from error
        raise ValueError("`model` was saved by Keras 2, and tf_keras cannot read it. Received: "
                         f"{path}: {cause_line(error)}") from error


def _has_lambda(path: str | os.PathLike[str]) -> bool:
    """Whether a file has a layer that runs code of it."""
    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                config: Any = json.loads(archive.read("config.json"))
        else:
            with h5py.File(path) as file:
                config = json.loads(file.attrs["model_config"])
    except Exception:  # pylint: disable=broad-except
        return False  # A damaged file, which is told when it is loaded.
    return _holds_code(config)


def _holds_code(config: Any) -> bool:
    """Whether a configuration has a `Lambda` of a Python lambda, which is its code."""
    if isinstance(config, dict):
        values = config.get("config")
        if config.get("class_name") == "Lambda" and isinstance(
                values, dict) and not isinstance(values.get("function"), str):
            return True
        return any(map(_holds_code, config.values()))
    return isinstance(config, list) and any(map(_holds_code, config))
