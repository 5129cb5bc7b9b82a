"""A user's own architecture, in a Python file."""
from collections.abc import Callable
import pathlib
import random
import threading
from typing import Any

import keras
import numpy as np

from models.architectures.architecture import Builder
from models.python_files import FAILURES
from models.python_files import file_digest
from models.python_files import function_of
from revsig_keras.errors import cause_line

# Keras draws the seeds of layers that have none from Python's generator.
_DRAWING = threading.Lock()
# Rows of noise on which a new model is tried.
_TRIED = 8
# The functions that were tried, with the shapes that they were tried for.
_known: set[tuple[Callable[..., Any], tuple[int, ...], int]] = set()


class Custom(Builder):
    """Calls a function of a file, which returns a Keras model that emits logits.

    The function is called with the shape of one input, the number of classes, and a seed, in this
    order. Layers that it gives no seed get one that follows from that seed.

    Args:
        file: The path of the file, such as `nets.py`. It is run, as an import would.
        function: The name of the function.

    Raises:
        ValueError: If there is no such file; or in `build`, if it does not run, or if the function
            does not return such a model.
    """

    def __init__(self, file: str = "", function: str = "build_model"):
        if not pathlib.Path(file).expanduser().is_file():
            raise ValueError("`file` must be an existing Python file with a function that builds a "
                             f"model. Received: {file!r}")
        self._file, self._name = file, function

    def build(self, name, input_shape, num_classes, seed, precision):
        del name  # The function names its model.
        if precision != "float32":
            raise ValueError("`precision` must be float32 for an architecture that sets its own "
                             f"dtypes. Received: {precision} for {self._place}")
        arguments = tuple(input_shape), num_classes
        function = function_of(self._file, self._name)
        model = self._call(function, *arguments, seed)
        if (function, *arguments) not in _known:
            check_classifier(model, *arguments, self._place)
            self._check_seed(model, self._call(function, *arguments, seed))
            _known.add((function, *arguments))
        return model

    def digest(self):
        return file_digest(self._file)

    @property
    def _place(self):
        return f"{self._name} of {self._file}"

    def _call(self, function, input_shape, num_classes, seed):
        """Calls the function with Python's generator at a state that follows from the seed."""
        with _DRAWING:
            state = random.getstate()
            random.seed(seed)
            try:
                return _functional(function(input_shape, num_classes, seed), input_shape)
            except FAILURES as error:
                raise ValueError(f"{self._place} failed for the arguments {input_shape}, "
                                 f"{num_classes}, {seed}: {cause_line(error)}") from error
            finally:
                random.setstate(state)

    def _check_seed(self, model, again):
        if {*map(id, model.variables)} & {*map(id, again.variables)}:
            raise ValueError(f"{self._place} must build a new model in each call. Received: two "
                             "that share weights")
        weights, others = model.get_weights(), again.get_weights()
        if not all(map(np.array_equal, weights, others)):
            raise ValueError(f"{self._place} must draw everything random from its seed. Received: "
                             "other weights for the same seed")


def check_classifier(model: Any, input_shape: tuple[int, ...], num_classes: int,
                     place: str) -> None:
    """Raises `ValueError` unless a model is a Keras model that emits logits.

    Args:
        model: What a function has returned.
        input_shape: The shape of one input.
        num_classes: The number of classes.
        place: The function, for the message.
    """
    if not isinstance(model, keras.Model):
        raise ValueError(f"{place} must return a keras.Model. Received: {type(model).__name__}")
    if not model.trainable_variables:
        raise ValueError(f"{place} must return a model that can be trained. Received: one without "
                         "trainable weights")
    noise = np.random.default_rng(0).normal(size=(_TRIED, *input_shape)).astype(np.float32)
    try:
        scores = keras.ops.convert_to_numpy(model(noise, training=False)).astype(np.float64)
    except FAILURES as error:
        raise ValueError(f"{place} must return a model of inputs of shape {input_shape} with one "
                         f"output. Received: {cause_line(error)}") from error
    if scores.shape != (_TRIED, num_classes):
        raise ValueError(
            f"{place} must return a model with {num_classes} logits per row. "
            f"Received: outputs of shape (batch, {', '.join(map(str, scores.shape[1:]))})")
    if not np.isfinite(scores).all():
        raise ValueError(f"{place} must return a model that emits logits, finite numbers. "
                         "Received: NaN or infinity")
    if scores.min() >= 0 and np.abs(scores.sum(axis=1) - 1).max() < 1e-3:
        raise ValueError(f"{place} must return a model that emits logits. Received: one that emits "
                         "probabilities; leave its softmax out")


def _functional(model, input_shape):
    """The model itself if it is functional, or a functional one around it.

    Keras does not know what a subclassed model takes, nor the `output` of a `Sequential` one.
    """
    if not isinstance(model, keras.Model):
        return model
    if getattr(model, "inputs", None) is not None:
        is_sequential = isinstance(model, keras.Sequential)
        return keras.Model(model.inputs[0], model.outputs[0]) if is_sequential else model
    inputs = keras.Input(input_shape, name="inputs")
    return keras.Model(inputs, model(inputs))
