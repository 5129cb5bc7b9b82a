"""Chooses the strength of a defence for scores as a model emits them."""
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np

from revsig_keras.defences.base import Defence
from revsig_keras.defences.catalogue import DEFENCES
from revsig_keras.defences.catalogue import require_defence
from revsig_keras.registry import parse_member
from revsig_keras.strength.choice import Choice
from revsig_keras.strength.choice import HEAD_DEFAULTS
from revsig_keras.strength.choose import choose_strength


def split_head(text: str) -> tuple[str, dict[str, Any]]:
    """Splits a member into the same without the options of its head, and these options.

    >>> split_head("reverse_sigmoid:gamma=.2:from_logits=true")
    ('reverse_sigmoid:gamma=.2', {'from_logits': True})

    Raises:
        ValueError: If it is no member of `DEFENCES`.
    """
    member = parse_member(text)
    _, options = DEFENCES.resolve(text)
    head = {
        key: options.get(key, default)
        for key, default in HEAD_DEFAULTS.items()
        if key in member.options
    }
    rest = {key: value for key, value in member.options.items() if key not in head}
    return str(type(member)(member.name, rest)), head


def choose_for_scores(scores: np.ndarray, labels: np.ndarray | None, defence: str,
                      limits: Mapping[str, Any]) -> Choice:
    """Chooses a strength for any head: logits, several labels, classes on any axis.

    Args:
        scores: What the model emits, as the defence receives it.
        labels: True classes, of the shape of the scores without the axis of the classes; for
            several labels 0 or 1, of the shape of the scores. `None` if they are not known.
        defence: The textual form of the defence, without the options to choose.
        limits: The limits, as arguments of `choose_strength`.

    Returns:
        The choice, whose code, text and layer are those for these scores.

    Raises:
        ValueError: As by `choose_strength`, or if `labels` do not fit.
    """
    text, head = split_head(defence)
    layer = require_defence(defence)
    layer.check_input(scores.shape, scores.dtype.name)
    rows = _probabilities(layer, scores)
    if labels is not None:
        labels = np.asarray(labels)
        shape = scores.shape if layer.multi_label else np.delete(scores.shape, layer.axis)
        if labels.size != len(rows):
            raise ValueError("`labels` must have one class for each row of scores. Expected: shape "
                             f"{tuple(map(int, shape))}. Received: shape {labels.shape}")
        labels = labels.reshape(-1)
    return choose_strength(rows, labels, defence=text, **limits).with_head(head)


def _probabilities(layer: Defence, scores: np.ndarray) -> np.ndarray:
    """Returns rows `(rows, classes)`, or `(rows, 1)` of sigmoid units."""
    clean = keras.ops.convert_to_numpy(layer.clean(keras.ops.convert_to_tensor(scores)))
    if layer.multi_label:
        return clean.reshape(-1, 1)
    return np.moveaxis(clean, layer.axis, -1).reshape(-1, clean.shape[layer.axis])
