"""Calls models before their export: to measure their defences, and to learn what they take."""
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np

from revsig_keras.defended_model.model import DefendedModel
from revsig_keras.defended_model.outputs import structure
from revsig_keras.defended_model.probe import probe
from revsig_keras.errors import cause_line
from revsig_keras.export.owner_inputs import pack
from revsig_keras.export.owner_inputs import shapes_built_with

_ROWS = 8
_MEASURED = 256


def call_first(model: DefendedModel,
               samples: Mapping[str | None, np.ndarray] | None) -> dict[str, Any]:
    """Calls a subclassed model, which builds it, and returns the options of its export.

    Args:
        model: The model.
        samples: Inputs by name, `None` for the only one. Where there are none, the shapes that the
            file of the model has are used.

    Raises:
        ValueError: If the model fails on them, or there are none and the file has no shapes.
    """
    built_with = shapes_built_with(model.model)
    inputs: Any = _zeros(model.model) if samples is None else as_inputs(samples)
    inputs = keras.tree.map_structure(lambda x: x[:_ROWS], inputs)
    try:
        model(keras.tree.map_structure(keras.ops.convert_to_tensor, inputs))
    except Exception as error:  # pylint: disable=broad-except
        # A model may raise anything; what our checks say is clear as it is.
        if isinstance(error, ValueError) and str(error).startswith("`"):
            raise
        raise ValueError("`warmup` must have inputs that the model takes, all of them in one "
                         f"argument of its `call`. It raised: {cause_line(error)}") from error
    return {} if samples is None else {
        "input_signature": [_specs(inputs, built_with, model.model.variable_dtype)]
    }


def as_inputs(samples: Mapping[str | None, np.ndarray]) -> Any:
    """Inputs of a model of Keras: an array, or a dictionary of arrays."""
    return samples[None] if None in samples else dict(samples)


def measure(model: DefendedModel, samples: Mapping[str | None, np.ndarray] | None) -> None:
    """Checks the answers to samples or made-up inputs, and how far the defences move them.

    Raises:
        ValueError: If the answers do not fit the defences, or no inputs can be made up.
    """
    if samples is None:
        declares_inputs = structure(model.model, "input") is not None
        outputs = probe(model.model, None if declares_inputs else _zeros(model.model))
        if outputs is None:
            return
    else:
        try:
            rows = {name: array[:_MEASURED] for name, array in samples.items()}
            outputs = model.model(pack(model.model, rows), training=False)
        except Exception:  # pylint: disable=broad-except
            return  # The first call or the warm-up request refuses samples that do not fit.
    model.check_outputs(outputs, made_up=samples is None)


def _specs(inputs: Any, built_with: Any, dtype: str) -> Any:
    """The specifications of any number of rows like `inputs`, under their names.

    Args:
        inputs: An array, or a dictionary of arrays.
        built_with: The shapes with which the model was built before, if they are known: a size that
            is open in them stays open.
        dtype: That of floating-point inputs. NumPy's rows are float64 unless somebody asks.
    """

    def spec(name: str | None, x: np.ndarray, shape: Any) -> keras.InputSpec:
        kind = "string" if x.dtype.kind in "OSU" else dtype if x.dtype.kind == "f" else x.dtype.name
        if not isinstance(shape, (tuple, list)) or len(shape) != x.ndim:
            shape = x.shape
        sizes = [None if open_ is None else size for size, open_ in zip(x.shape, shape)]
        return keras.InputSpec(dtype=kind, shape=(None, *sizes[1:]), name=name)

    if isinstance(inputs, dict):
        shapes = built_with if isinstance(built_with, dict) else {}
        return {name: spec(name, x, shapes.get(name)) for name, x in inputs.items()}
    return spec(None, inputs, built_with)


def _zeros(model: keras.Model) -> np.ndarray:
    """One row of zeros, in the shape with which the model was built."""
    shape = shapes_built_with(model)
    if not isinstance(shape, (tuple, list)) or not all(size is None or isinstance(size, int)
                                                       for size in shape):
        raise ValueError("`model` does not tell what inputs it takes, since it is a class of its "
                         f"own. Give some by `warmup`. Received: {model!r}")
    return np.zeros([1 if size is None else size for size in shape], "float32")
