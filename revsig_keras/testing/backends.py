"""The ways in which the backends of Keras run a function, and its gradients.

The backend is imported where it is needed, so this runs on each of them.
"""
from collections.abc import Callable, Iterator
import contextlib
import functools
from typing import Any

import keras
import numpy as np

NAME = keras.backend.backend()


@functools.cache
def modes() -> dict[str, Callable[[Callable], Callable]]:
    """Returns functions that compile a function of tensors, by name; `eager` leaves it as it is."""
    eager: dict[str, Callable] = {"eager": lambda function: function}
    if NAME == "tensorflow":
        import tensorflow as tf
        return {
            **eager, "graph": tf.function,
            "xla": functools.partial(tf.function, jit_compile=True)
        }
    if NAME == "jax":
        import jax
        return {**eager, "jit": jax.jit}
    return eager


def policies() -> list[str]:
    """Returns the dtype policies to test with."""
    # On torch, Keras computes the minimum of float64 tensors in float32.
    wide = [] if NAME == "torch" else ["float64"]
    return ["float32", "mixed_float16", "mixed_bfloat16", *wide]


def modes_of(policy: str) -> dict[str, Callable[[Callable], Callable]]:
    """Returns the modes to try a dtype policy in.

    On TensorFlow, XLA is tried with float32 and with the narrowest dtype: it takes a second for
    each, and what it makes for the others differs in casts alone.
    """
    without_xla = NAME == "tensorflow" and policy not in ("float32", "mixed_bfloat16")
    return {name: mode for name, mode in modes().items() if name != "xla" or not without_xla}


def mode_of_policy() -> dict[str, str]:
    """Returns a mode for each dtype policy, for checks that take seconds to compile.

    XLA keeps values wider than the dtype where it can, so the narrow dtypes are harder without it.
    JAX compiles in any case, each operation by itself where not the function as a whole.
    """
    narrow = {"tensorflow": ("graph", "eager"), "jax": ("jit", "jit")}.get(NAME, ("eager",) * 2)
    widest = list(modes())[-1]
    return dict(zip(("float32", "mixed_float16", "mixed_bfloat16"), (widest, *narrow)))


def for_any_batch(function: Callable, inputs: np.ndarray) -> Callable[[Any], Any]:
    """Returns `function` compiled once for batches of any size, as `predict` and `export` do.

    Other backends than TensorFlow know the size of each batch: there it is as for `usual_mode`.

    Args:
        function: A function of one tensor.
        inputs: Array of the dtype and of the shape that inputs have, but for the batch.
    """
    if NAME != "tensorflow":
        return usual_mode()(function)
    import tensorflow as tf
    signature = [tf.TensorSpec((None, *inputs.shape[1:]), inputs.dtype)]
    return tf.function(function, input_signature=signature)


def usual_mode() -> Callable[[Callable], Callable]:
    """Returns the mode for checks of many shapes: eager, but compiled on JAX.

    JAX compiles each operation for each shape where a function is not compiled as a whole, and
    takes minutes for it.
    """
    return modes()["jit" if NAME == "jax" else "eager"]


@contextlib.contextmanager
def enabled(dtype: str) -> Iterator[None]:
    """Makes the dtype available: JAX turns float64 into float32 unless told otherwise."""
    if NAME == "jax" and dtype == "float64":
        import jax
        with jax.enable_x64(True):
            yield
    else:
        yield


def gradients(function: Callable) -> Callable[..., list[Any]]:
    """Returns the function that computes the gradients of a scalar function, one per argument.

    They are 0 where an argument has no effect.
    """

    def with_tensorflow(*arguments: Any) -> list[Any]:
        import tensorflow as tf
        with tf.GradientTape() as tape:
            tape.watch(arguments)
            value = function(*arguments)
        return tape.gradient(value, arguments, unconnected_gradients="zero")

    def with_jax(*arguments: Any) -> list[Any]:
        import jax
        return jax.grad(function, argnums=tuple(range(len(arguments))))(*arguments)

    def with_torch(*arguments: Any) -> list[Any]:
        import torch
        leaves = [argument.detach().clone().requires_grad_() for argument in arguments]
        value = function(*leaves)
        if not value.requires_grad:
            return [torch.zeros_like(leaf) for leaf in leaves]
        return torch.autograd.grad(value, leaves, allow_unused=True, materialize_grads=True)

    return {"tensorflow": with_tensorflow, "jax": with_jax, "torch": with_torch}[NAME]
