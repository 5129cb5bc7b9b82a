"""Whether what a model emits is what a defence expects: by configuration, and by values."""
import keras
import numpy as np

_LOGITS = ("Add a softmax at its end, `keras.layers.Softmax()`, or let the defence do it, "
           "`ReverseSigmoid(from_logits=True)` (--defence=reverse_sigmoid:from_logits=true)")
_SIGMOIDS = ("If each unit is a label of its own, use `ReverseSigmoid(multi_label=True)` "
             "(--defence=reverse_sigmoid:multi_label=true); if the classes exclude one another, "
             "end the model in a softmax")
# Softmax in bfloat16 gives sums of 1 +- 0.012, also if they are cast to float32 later.
_TOLERANCE = 2.0**-5


def check_configuration(operation, classes, defence):
    """Raises `ValueError` if the last operation of a model is known not to fit the defence.

    Args:
        operation: What computes the output.
        classes: The size of its class axis, 1 if `multi_label`, `None` where it is unknown.
        defence: A `Defence`.

    Returns:
        Whether it is known to fit. It is not where the configuration does not tell.
    """
    activation = _activation(operation)
    remedy = None
    if activation is keras.activations.softmax:
        if defence.from_logits:
            remedy = "it ends in a softmax. Drop `from_logits=True`, or the softmax"
        elif defence.multi_label:
            remedy = ("it ends in a softmax, whose classes exclude one another. Drop "
                      "`multi_label=True`, or end it in a sigmoid")
        elif classes == 1:
            remedy = "a softmax over 1 unit is always 1. End it in a sigmoid, or in 2 units"
    elif activation is keras.activations.sigmoid:
        if defence.from_logits:
            remedy = "it ends in a sigmoid. Drop `from_logits=True`, or the sigmoid"
        elif classes not in (None, 1):
            remedy = f"it ends in {classes} sigmoid units. {_SIGMOIDS}"
    elif activation is keras.activations.linear:
        if not defence.from_logits:
            remedy = f"its last layer has no activation, so it emits logits. {_LOGITS}"
    if remedy:
        raise ValueError(f"`model` must emit {_expected(defence)}, but {remedy}. "
                         f"Received: model with last layer {operation!r}, defence={defence!r}")
    if activation is keras.activations.softmax and getattr(operation, "axis", -1) != defence.axis:
        return False
    return None not in (activation, classes)


def _activation(operation):
    """The softmax, sigmoid or linear activation that `operation` surely ends in, or `None`."""
    if not type(operation).__module__.startswith("keras."):
        return None  # What a layer of somebody else does with its activation is not known.
    if isinstance(operation, keras.layers.Softmax):
        return keras.activations.softmax
    if isinstance(operation, keras.layers.RNN):
        return None  # An LSTM goes on after its activation.
    activation = getattr(operation, "activation", None)
    known = [keras.activations.softmax, keras.activations.sigmoid]
    if not isinstance(operation, keras.layers.Activation):
        # A linear `Activation` is how models with mixed precision cast what came before it.
        known.append(keras.activations.linear)
    return activation if activation in known else None


def check_scores(scores, defence):
    """Raises `ValueError` if `scores` are not what the defence expects.

    Logits of binary decisions may lie anywhere, so for these nothing is refused.

    Args:
        scores: NumPy array, what a model emits.
        defence: A `Defence`.

    Returns:
        Whether they tell anything. Rows that are not finite or all 0 do not.
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


def _expected(defence):
    """What a model has to emit, in words."""
    if defence.from_logits:
        return "logits, as the defence has `from_logits=True`"
    if defence.multi_label:
        return "one probability per label, as the defence has `multi_label=True`"
    return "class probabilities, which sum to 1 (or one sigmoid unit)"


def check_losses(losses, output_names):
    """Raises `ValueError` if a loss or metric of the defended output expects logits.

    Args:
        losses: A loss or metric, or any structure of such, by output.
        output_names: What the defended output is called by; `None` if it is the only one.
    """

    def is_ours(path):
        # One may be inside the other: `[metric, ...]` of an output, a loss of several outputs.
        path = "".join(f"{key}/" for key in path)
        return output_names is None or any(
            path.startswith(f"{name}/") or f"{name}/".startswith(path) for name in output_names)

    for path, loss in keras.tree.flatten_with_path(losses):
        if is_ours(path) and getattr(loss, "from_logits", False):
            raise ValueError("A `DefendedModel` emits probabilities, whatever the model inside "
                             "emits, so a loss or metric of the defended output must not expect "
                             "logits. Use `from_logits=False`. "
                             f"Received: {loss!r} with from_logits=True")
