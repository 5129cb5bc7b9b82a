"""What differs between the backends of Keras, so that one test runs on each of them.

`MODES` are the ways in which a backend runs a function: functions that compile a function of
tensors.
"""
import contextlib

import keras
from keras import ops
import pytest

NAME = keras.backend.backend()
tensorflow_only = pytest.mark.skipif(NAME != "tensorflow", reason="needs TensorFlow as the backend")

if NAME == "tensorflow":
    import tensorflow as tf
    MODES = {
        "eager": lambda function: function,
        "graph": tf.function,
        "xla": lambda function: tf.function(function, jit_compile=True),
    }
elif NAME == "jax":
    import jax
    MODES = {"eager": lambda function: function, "jit": jax.jit}
else:
    MODES = {"eager": lambda function: function}
EAGER = MODES["eager"]
# JAX compiles each operation for each shape where a function is not compiled as a whole, and takes
# minutes for it: tests of many shapes have their functions compiled.
USUAL = MODES["jit" if NAME == "jax" else "eager"]
_MAIN = {name: mode for name, mode in MODES.items() if mode is USUAL or name == "xla"}

each_mode = pytest.mark.parametrize("mode", MODES.values(), ids=MODES)
each_main_mode = pytest.mark.parametrize("mode", _MAIN.values(), ids=_MAIN)


@contextlib.contextmanager
def enabled(dtype="float64"):
    """Inside it the dtype is there: JAX makes float64 a float32 unless told otherwise."""
    if NAME == "jax" and dtype == "float64":
        with jax.enable_x64(True):
            yield
    else:
        yield


def constant(values, dtype=None):
    """A tensor of the dtype, or of that of the values."""
    tensor = ops.convert_to_tensor(values)
    return tensor if dtype is None else ops.cast(tensor, dtype)


def as_numpy(tensor):
    """In its dtype, but where NumPy or the backend does not know it."""
    return ops.convert_to_numpy(tensor)


def as_float64(tensor):
    return as_numpy(tensor).astype("float64")


def dtype_of(tensor):
    """As a string."""
    return keras.backend.standardize_dtype(tensor.dtype)


def gradients(function):
    """Returns the function that gives the gradients of a scalar function, one per argument.

    They are 0 where an argument has no effect.
    """

    def with_tensorflow(*arguments):
        with tf.GradientTape() as tape:
            tape.watch(arguments)
            value = function(*arguments)
        return tape.gradient(value, arguments, unconnected_gradients="zero")

    def with_jax(*arguments):
        return jax.grad(function, argnums=tuple(range(len(arguments))))(*arguments)

    def with_torch(*arguments):
        import torch
        arguments = [argument.detach().clone().requires_grad_() for argument in arguments]
        value = function(*arguments)
        if not value.requires_grad:
            return [torch.zeros_like(argument) for argument in arguments]
        return torch.autograd.grad(value, arguments, allow_unused=True, materialize_grads=True)

    return {"tensorflow": with_tensorflow, "jax": with_jax, "torch": with_torch}[NAME]
