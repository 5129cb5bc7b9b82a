"""Tries a model on made-up inputs."""
from concurrent import futures
import random
from typing import Any
import warnings

import keras
import numpy as np

from revsig_keras.defences.numerics.probabilities import Tensor
from revsig_keras.defended_model.outputs import structure
from revsig_keras.errors import cause_line
from revsig_keras.files.arrays import random_array


def probe(model: keras.layers.Layer, inputs: Any = None) -> Any:
    """Calls `model` on a batch of random inputs, eagerly, wherever the caller is.

    The call has a thread of its own. The traces, scopes and tapes of all backends belong to a
    thread, so this works while a function is compiled, and leaves nothing in it. The model is
    called in inference inside a stateless scope, so no variable changes.

    Args:
        model: Keras model or layer, built.
        inputs: Inputs of a call. Made-up inputs get their shapes and dtypes where the
            configuration of the model does not have them. Their values are not used.

    Returns:
        The outputs, each as by `values`; `None`, with a warning, if the model fails on such inputs.
    """
    generator = np.random.default_rng(0)

    def run() -> Any:
        declared = structure(model, "input")
        if declared is None:
            declared = keras.tree.map_structure(_any_batch, inputs)
        with keras.StatelessScope():
            made_up = keras.tree.map_structure(lambda x: _make_up(x, generator), declared)
            return keras.tree.map_structure(values, model(made_up, training=False))

    with futures.ThreadPoolExecutor(1) as thread:
        seeds = random.getstate()  # Keras draws the global seed of each thread from it.
        try:
            return thread.submit(run).result()
        except Exception as error:  # pylint: disable=broad-except
            # A model from elsewhere may raise anything.
            warnings.warn(
                f"{model!r} could not be tried on random inputs. Whether it emits what its "
                "defence expects is checked when it is next called outside of a "
                f"compiled function. It raised: {cause_line(error)}")
            return None
        finally:
            random.setstate(seeds)


def values(tensor: Tensor) -> np.ndarray | None:
    """`tensor` as a NumPy array; `None` if it has no values, as while a function is compiled."""
    try:
        return keras.ops.convert_to_numpy(tensor)
    except Exception:  # pylint: disable=broad-except
        return None  # The error depends on the backend.


def _any_batch(x: Tensor | None) -> keras.KerasTensor | None:
    return None if x is None else keras.KerasTensor((None, *x.shape[1:]), x.dtype)


def _make_up(x: Tensor | None, generator: np.random.Generator) -> Tensor | None:
    """A tensor like `x`."""
    if x is None:
        return None
    dtype = keras.backend.standardize_dtype(x.dtype)
    return keras.ops.convert_to_tensor(random_array(x.shape, dtype, generator), dtype=dtype)
