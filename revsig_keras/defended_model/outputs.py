"""The inputs and outputs of a model, as far as its configuration tells."""
from typing import Any, Sequence

import keras


def structure(model: keras.layers.Layer, kind: str) -> Any:
    """The "input" or "output" of `model` in `keras.KerasTensor`; `None` where only a call tells."""
    if isinstance(model, keras.Function):
        return getattr(model, kind)
    if isinstance(model, keras.Sequential) and model.built:
        tensors = getattr(model, f"{kind}s", None)
        return tensors[0] if tensors else None
    return None


def names(outputs: Any) -> list[str | int | None]:
    """The name of each tensor of `outputs`: its key or index, "heads/label" if nested.

    A tensor that is not inside anything is `None`.
    """
    paths = [path for path, _ in keras.tree.flatten_with_path(outputs)]
    return [path[0] if len(path) == 1 else "/".join(map(str, path)) or None for path in paths]


def position(outputs: Any,
             output: str | int | None,
             output_names: Sequence[str] | None = None) -> int:
    """Returns which tensor of `outputs`, counted in the order of `keras.tree`, is `output`.

    Args:
        outputs: The outputs of a model, any structure.
        output: A name as in `names` or in `output_names`; `None` for the only output.
        output_names: The names that a functional model has for its outputs, in that order.
    """
    known = names(outputs)
    if output is None and len(known) == 1:
        return 0
    for candidates in (known, output_names or []):
        if output is not None and output in candidates:
            return list(candidates).index(output)
    found = [name for name in known if name is not None] or output_names or "one, without a name"
    raise ValueError("`output` must name the output of `model` to be defended; it may be `None` "
                     f"only if there is a single one. Received: output={output!r}, where the "
                     f"outputs are: {found}")


def last_operation(model: Any, index: int = 0) -> Any:
    """The operation that computes the output at `index`; `model` itself where nothing tells."""
    if isinstance(model, keras.Sequential):
        return last_operation(model.layers[-1]) if model.layers else model
    if isinstance(model, keras.Function):
        history = model.outputs[index]._keras_history
        return last_operation(history.operation, history.tensor_index)
    return model
