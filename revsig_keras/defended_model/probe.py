"""What a model emits, seen on a batch that is made up."""
from concurrent import futures
import random
import warnings

import keras
import numpy as np

from revsig_keras.defended_model.outputs import structure

_ROWS = 8
_UNKNOWN_SIZE = 32


def probe(model, inputs=None):
    """Calls `model` on a batch of random inputs, eagerly, wherever the caller is.

    The call is in a thread of its own. The traces, scopes and tapes of all backends belong to a
    thread, so this works while a function is compiled, and leaves nothing in it. The model is
    called in inference inside a stateless scope, so no variable changes.

    Args:
        model: Keras model or layer, built.
        inputs: What it is called with, to make up the like of it where its configuration does not
            tell. Values are not used.

    Returns:
        Its outputs as by `values`; `None`, with a warning, if it fails on such inputs.
    """
    generator = np.random.default_rng(0)

    def run():
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
            # A model of somebody else's may raise anything.
            warnings.warn(f"Whether {model!r} emits what its defence expects could not be tried on "
                          "random inputs, so it is checked when it is next called outside of a "
                          f"compiled function. It raised: {error!r}")
            return None
        finally:
            random.setstate(seeds)


def values(tensor):
    """`tensor` as a NumPy array; `None` if it has no values, as while a function is compiled."""
    try:
        return keras.ops.convert_to_numpy(tensor)
    except Exception:  # pylint: disable=broad-except
        return None  # What is raised depends on the backend.


def _any_batch(x):
    return None if x is None else keras.KerasTensor((None, *x.shape[1:]), x.dtype)


def _make_up(x, generator):
    """A tensor such as `x`."""
    if x is None:
        return None
    dtype = keras.backend.standardize_dtype(x.dtype)
    return keras.ops.convert_to_tensor(made_up(x.shape, dtype, generator), dtype=dtype)


def made_up(shape, dtype, generator):
    """A NumPy array of inputs: floats in rows of growing scale, small integers, empty strings.

    Args:
        shape: Its shape; sizes that are `None` are chosen.
        dtype: Name of a dtype that the result can be cast to.
        generator: A `numpy.random.Generator`.
    """
    shape = tuple((_UNKNOWN_SIZE if axis else _ROWS) if size is None else size
                  for axis, size in enumerate(shape))
    if dtype == "string":
        return np.full(shape, "")
    if keras.backend.is_float_dtype(dtype):
        values = generator.normal(size=shape)
        for row in range(1, shape[0] if shape else 0):
            values[row] *= 10.0**(row % 4)
        return values
    return generator.integers(2, size=shape)
