"""Checks that a model emits what a defence expects: by its configuration, and by its answers."""
import inspect
from typing import Any, Collection

import keras
import numpy as np

from revsig_keras.defences.base import Defence

_LOGITS = ("Add a softmax at its end, `keras.layers.Softmax()`, or let the defence do it, "
           "`ReverseSigmoid(from_logits=True)`, as text `defence=reverse_sigmoid:from_logits=true`")
_SIGMOIDS = ("If each unit is a label of its own, use `ReverseSigmoid(multi_label=True)`, as text "
             "`defence=reverse_sigmoid:multi_label=true`; if the classes exclude one another, end "
             "the model in a softmax")
# Softmax in bfloat16 gives sums of 1 +- 0.012, also if they are cast to float32 later.
_TOLERANCE = 2.0**-5


def check_model(model: Any) -> None:
    """Raises `ValueError` if a model takes inputs in a way that a wrapper cannot pass on."""
    if any(each.__module__.startswith("tf_keras.") for each in type(model).__mro__):
        raise ValueError(
            "`model` must be of Keras 3, not of tf_keras (Keras 2), whose models can be "
            "exported with a defence: `revsig_keras.export.export(ExportConfig(model, "
            "BASE, 'reverse_sigmoid:beta=1'))`. "
            f"Received: model={model!r} (of type {type(model)})")
    if not isinstance(model, keras.layers.Layer):
        raise ValueError("`model` must be a Keras model or layer that emits class "
                         f"probabilities. Received: model={model!r} (of type {type(model)})")
    if getattr(model, "preprocessor", None) is not None:
        raise ValueError("`model` must be called with what it is given. Its `preprocessor` is "
                         "applied by `predict` and `fit`, not by a call: make a model of both, "
                         "`keras.Model(inputs, model(model.preprocessor(inputs)))`, where `inputs` "
                         "is, for text, `keras.Input((), dtype='string')`. "
                         f"Received: model={model!r}")
    parameters = list(inspect.signature(model.call).parameters.values())
    others = [
        each.name for each in parameters[1:] if each.default is each.empty and
        each.kind is each.POSITIONAL_OR_KEYWORD and each.name not in ("training", "mask")
    ]
    if others:
        raise ValueError("`model` must take all of its inputs in the first argument of `call`: a "
                         "list, a tuple or a dictionary of tensors. Received: "
                         f"model={model!r}, whose call also needs {', '.join(others)}")


def check_training(model: keras.layers.Layer) -> None:
    """Raises `ValueError` if a model trains in a way of its own, which a wrapper cannot follow."""
    for name in ("train_step", "compute_loss"):
        if _has_own(model, name):
            raise ValueError(f"`model` must not train by a `{name}` of its own, which its wrapper "
                             "would leave out. Train the model itself, and defend it then; they "
                             f"share their weights. Received: model={model!r}")


def check_prediction(model: keras.layers.Layer) -> None:
    """Raises `ValueError` if a model predicts in a way of its own, other than by its call."""
    if _has_own(model, "predict_step"):
        raise ValueError("`model` must not predict by a `predict_step` of its own, which its "
                         "wrapper would leave out, and so would an export. Do in its `call` what "
                         f"the step does. Received: model={model!r}")


def _has_own(model: keras.layers.Layer, name: str) -> bool:
    """Whether the class of a model overrides a method of `keras.Model`."""
    if not isinstance(model, keras.Model):
        return False
    return getattr(type(model), name) is not getattr(keras.Model, name)


def check_configuration(operation: Any, classes: int | None, defence: Defence) -> bool:
    """Raises `ValueError` if the last operation of a model is known not to fit the defence.

    Args:
        operation: The operation that computes the output.
        classes: The size of its class axis, 1 if `multi_label`, `None` where it is unknown.
        defence: The defence.

    Returns:
        Whether the operation is known to fit. `False` where the configuration does not tell.
    """
    activation = _activation(operation)
    misfit = _misfit(activation, classes, defence)
    if misfit:
        raise ValueError(f"`model` must emit {_expected(defence)}, but {misfit}. "
                         f"Received: model with last layer {operation!r}, defence={defence!r}")
    if activation is keras.activations.softmax and getattr(operation, "axis", -1) != defence.axis:
        return False
    return activation is not None and classes is not None


def _misfit(activation: Any, classes: int | None, defence: Defence) -> str | None:
    """Why a model that ends in an activation does not fit the defence, with the remedy."""
    if activation is keras.activations.softmax:
        if defence.from_logits:
            return "it ends in a softmax. Drop `from_logits=True`, or the softmax"
        if defence.multi_label:
            return ("it ends in a softmax, whose classes exclude one another. Drop "
                    "`multi_label=True`, or end it in a sigmoid")
        if classes == 1:
            return "a softmax over 1 unit is always 1. End it in a sigmoid, or in 2 units"
    elif activation is keras.activations.sigmoid:
        if defence.from_logits:
            return "it ends in a sigmoid. Drop `from_logits=True`, or the sigmoid"
        if classes not in (None, 1):
            return f"it ends in {classes} sigmoid units. {_SIGMOIDS}"
    elif activation is keras.activations.linear:
        if not defence.from_logits:
            return f"its last layer has no activation, so it emits logits. {_LOGITS}"
    return None


def _activation(operation: Any) -> Any:
    """The softmax, sigmoid or linear activation that `operation` surely ends in, else `None`."""
    if not type(operation).__module__.startswith("keras."):
        return None  # A layer from elsewhere may do anything with its activation.
    if isinstance(operation, keras.layers.Softmax):
        return keras.activations.softmax
    if isinstance(operation, keras.layers.RNN):
        return None  # An LSTM computes on after its activation.
    activation = getattr(operation, "activation", None)
    known = [keras.activations.softmax, keras.activations.sigmoid]
    if not isinstance(operation, keras.layers.Activation):
        # With mixed precision, a linear `Activation` is how models cast their outputs.
        known.append(keras.activations.linear)
    return activation if activation in known else None


def check_scores(scores: np.ndarray, defence: Defence) -> bool:
    """Raises `ValueError` if `scores` are not what the defence expects.

    Logits of binary decisions may lie anywhere, so none are refused.

    Args:
        scores: Outputs of a model.
        defence: The defence.

    Returns:
        Whether the scores tell anything. Rows that are not finite or all 0 do not.
    """
    scores = scores.astype("float64")
    if defence.multi_label:
        rows = scores.reshape(-1, 1)
    else:
        rows = np.moveaxis(scores, defence.axis, -1).reshape(-1, scores.shape[defence.axis])
    rows = rows[np.isfinite(rows).all(axis=1) & rows.any(axis=1)]
    if not rows.size:
        return False
    low, high, sums = rows.min(), rows.max(), rows.sum(axis=1)
    fits = low >= -_TOLERANCE and high <= 1.0 + _TOLERANCE
    binary = rows.shape[1] == 1
    if not binary:
        fits = fits and np.abs(sums - 1.0).max() <= _TOLERANCE
    if defence.from_logits:
        fits, remedy = binary or not fits, "Drop `from_logits=True`, or the softmax of the model"
    else:
        remedy = f"{_LOGITS}. {_SIGMOIDS}"
    if not fits:
        raise ValueError(f"`model` must emit {_expected(defence)}. {remedy}. Received: scores "
                         f"between {low:.4g} and {high:.4g}, with sums over axis {defence.axis} "
                         f"between {sums.min():.4g} and {sums.max():.4g}")
    return True


def _expected(defence: Defence) -> str:
    """The scores that a defence expects, in words."""
    if defence.from_logits:
        return "logits, as the defence has `from_logits=True`"
    if defence.multi_label:
        return "one probability per label, as the defence has `multi_label=True`"
    return "class probabilities, which sum to 1 (or one sigmoid unit)"


def check_losses(losses: Any, output_names: Collection[str | int | None] | None) -> None:
    """Raises `ValueError` if a loss or metric of the defended output expects logits.

    Args:
        losses: A loss or metric, or any structure of them, by output.
        output_names: The names of the defended output; `None` if it is the only output.
    """

    def is_of_defended_output(keys: tuple) -> bool:
        # Either may be inside the other: `[metric, ...]` of an output, a loss of several outputs.
        path = "".join(f"{key}/" for key in keys)
        return output_names is None or any(
            path.startswith(f"{name}/") or f"{name}/".startswith(path) for name in output_names)

    for path, loss in keras.tree.flatten_with_path(losses):
        if is_of_defended_output(path) and getattr(loss, "from_logits", False):
            raise ValueError("A `DefendedModel` emits probabilities, whatever the model inside "
                             "emits, so a loss or metric of the defended output must not expect "
                             "logits. Use `from_logits=False`. "
                             f"Received: {loss!r} with from_logits=True")
