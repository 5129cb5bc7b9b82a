"""What differs between the backends of Keras, so that one test runs on each of them.

`MODES` are the ways in which a backend runs a function: functions that compile a function of
tensors.
"""
import contextlib

from keras import ops
import numpy as np
import pytest

from revsig_keras.testing import backends
from revsig_keras.testing.backends import gradients  # noqa: F401
from revsig_keras.testing.backends import modes
from revsig_keras.testing.backends import NAME
from revsig_keras.testing.backends import policies
from revsig_keras.testing.subject import as_float64  # noqa: F401
from revsig_keras.testing.subject import dtype_of  # noqa: F401


def only_on(*names, reason):
    """A mark: on other backends the test is skipped, and the reason is shown."""
    return pytest.mark.skipif(NAME not in names, reason=reason)


MODES = modes()
EAGER = MODES["eager"]
USUAL = backends.usual_mode()
_EACH = {name: mode for name, mode in MODES.items() if NAME != "jax" or mode is USUAL}
_MAIN = {name: mode for name, mode in _EACH.items() if name != "graph"}

each_mode = pytest.mark.parametrize("mode", _EACH.values(), ids=_EACH)
each_main_mode = pytest.mark.parametrize("mode", _MAIN.values(), ids=_MAIN)


def some_of(*cases):
    """All of them, but only the first on JAX, which compiles for each shape for seconds."""
    return cases[:1] if NAME == "jax" else cases


@contextlib.contextmanager
def enabled(dtype="float64"):
    """Inside it the dtype is there; where it cannot be, the test is skipped."""
    if dtype == "float64" and dtype not in policies():
        pytest.skip("On torch, Keras computes the minimum of float64 tensors in float32")
    with backends.enabled(dtype):
        yield


def constant(values, dtype=None):
    """A tensor of the dtype, or of that of the values."""
    # A scalar of NumPy is a Python float, too, and the backends take it for one or the other.
    tensor = ops.convert_to_tensor(np.asarray(values) if isinstance(values, np.generic) else values)
    return tensor if dtype is None else ops.cast(tensor, dtype)


def as_numpy(tensor):
    """In its dtype, but where NumPy or the backend does not know it."""
    return ops.convert_to_numpy(tensor)


def compiled_update(metric):
    """`metric.update_state` as the most compiled function of the backend."""
    if NAME != "jax":
        return list(MODES.values())[-1](metric.update_state)
    import jax
    update = jax.jit(metric.stateless_update_state)

    def update_state(*arguments):
        values = update([variable.value for variable in metric.variables], *arguments)
        for variable, value in zip(metric.variables, values):
            variable.assign(value)

    return update_state
