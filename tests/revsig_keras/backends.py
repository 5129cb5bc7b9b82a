"""What differs between the backends of Keras, so that one test runs on each of them.

`MODES` are the ways in which a backend runs a function: functions that compile a function of
tensors.
"""
import contextlib

import keras
from keras import ops
import numpy as np
import pytest

NAME = keras.backend.backend()


def only_on(*names, reason):
    """A mark: on other backends the test is skipped, and the reason is shown."""
    return pytest.mark.skipif(NAME not in names, reason=reason)


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
_EACH = {name: mode for name, mode in MODES.items() if NAME != "jax" or mode is USUAL}
_MAIN = {name: mode for name, mode in _EACH.items() if name != "graph"}

each_mode = pytest.mark.parametrize("mode", _EACH.values(), ids=_EACH)
each_main_mode = pytest.mark.parametrize("mode", _MAIN.values(), ids=_MAIN)


def some_of(*cases):
    """All of them, but only the first on JAX, which compiles for each shape for seconds."""
    return cases[:1] if NAME == "jax" else cases


@contextlib.contextmanager
def enabled(dtype="float64"):
    """Inside it the dtype is there: JAX makes float64 a float32 unless told otherwise."""
    if NAME == "torch" and dtype == "float64":
        pytest.skip("On torch, Keras computes the minimum of float64 tensors in float32")
    if NAME == "jax" and dtype == "float64":
        with jax.enable_x64(True):
            yield
    else:
        yield


def constant(values, dtype=None):
    """A tensor of the dtype, or of that of the values."""
    # A scalar of NumPy is a Python float, too, and the backends take it for one or the other.
    tensor = ops.convert_to_tensor(np.asarray(values) if isinstance(values, np.generic) else values)
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


def compiled_update(metric):
    """`metric.update_state` as the most compiled function of the backend."""
    if NAME != "jax":
        return list(MODES.values())[-1](metric.update_state)
    update = jax.jit(metric.stateless_update_state)

    def update_state(*arguments):
        values = update([variable.value for variable in metric.variables], *arguments)
        for variable, value in zip(metric.variables, values):
            variable.assign(value)

    return update_state
