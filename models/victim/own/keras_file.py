"""Victims in Keras files."""
import functools
import pathlib
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from models.python_files import file_digest
from models.victim.own.source import Source
from revsig_keras import Defence
from revsig_keras import DefendedModel
from revsig_keras.defended_model.outputs import position
from revsig_keras.errors import cause_line
from revsig_keras.errors import first_line
from revsig_keras.errors import renaming


def open_keras_file(path: pathlib.Path, output: str | None) -> Source:
    """Opens a model with one input in a .keras or .h5 file; it is run as in inference.

    Args:
        path: The file.
        output: The one of several outputs that answers: its key, its index, or its name in
            `model.output_names`. `None` for the only one.

    Raises:
        ValueError: If the file cannot be read, or the model is defended or has several inputs.
            `answer` raises it if the model fails or has no such output.
    """
    try:
        model = keras.saving.load_model(path, compile=False)
    except Exception as error:
        # A damaged file may raise anything, in its archive, its configuration or its weights.
        raise ValueError(f"`victim` must be a readable Keras file. Received: {path}: "
                         f"{first_line(error)}") from error
    if any(isinstance(layer, (Defence, DefendedModel)) for layer in model._flatten_layers()):
        raise ValueError("`victim` must be undefended: a run adds its defences. "
                         f"Received: {path}, which is defended")
    shape, dtype = _input_of(model, path)
    return Source(path.name, "keras", _answer(model, output, path), file_digest(path), shape and
                  shape[1:], dtype, shape[0] if shape else None)


def _input_of(model: Any, path: pathlib.Path) -> tuple[tuple[int | None, ...] | None, np.dtype]:
    inputs = keras.tree.flatten(getattr(model, "inputs", None) or [])
    if len(inputs) > 1:
        raise ValueError("`victim` must have one input. Received: "
                         f"{', '.join(tensor.name for tensor in inputs)} in {path}")
    if not inputs:  # Keras does not know what some subclassed models take.
        return None, np.dtype(np.float32)
    return tuple(inputs[0].shape), np.dtype(tf.as_dtype(inputs[0].dtype).as_numpy_dtype)


def _answer(model, output, path):
    run = tf.function(functools.partial(model, training=False), reduce_retracing=True)

    def answer(inputs: np.ndarray) -> np.ndarray:
        try:
            outputs = run(tf.constant(inputs))
        except Exception as error:
            # The message of a model that cannot be traced begins with the places of its code.
            raise ValueError(f"`victim` must answer. Received: {path}, which failed on inputs of "
                             f"shape {inputs.shape}: {cause_line(error)}") from error
        with renaming({"output": "victim_output", "model": "victim"}):
            index = position(outputs, output, getattr(model, "output_names", None))
        return keras.tree.flatten(outputs)[index].numpy()

    return answer
