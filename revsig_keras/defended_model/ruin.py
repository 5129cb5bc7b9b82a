"""Tells owners of a defence that leaves hardly anything of the answers."""
import logging

import keras
import numpy as np

from revsig_keras.defences.base import Defence

# Mean L1 distance between clean and defended answers, which is at most 2.
_MAX_L1 = 1.5
_ROWS = 1024
_log = logging.getLogger(__name__)


def tell_ruin(defence: Defence, scores: np.ndarray, name: str, made_up: bool) -> bool:
    """Logs a warning if a defence moves answers by more than a mean L1 distance of 1.5.

    At `beta=1` a Reverse Sigmoid does so for many classes. A defence that raises the confidence,
    such as `LabelOnly`, is meant to.

    Args:
        defence: The defence.
        scores: Clean answers as the defence receives them.
        name: What the warning calls the output.
        made_up: Whether the inputs were made up.

    Returns:
        Whether it does.
    """
    if defence.multi_label or scores.shape[defence.axis] < 2:
        return False
    has_rows = defence.axis not in (0, -scores.ndim)
    rows = keras.ops.convert_to_tensor(scores[:_ROWS] if has_rows else scores)
    clean, defended = (np.moveaxis(np.asarray(keras.ops.convert_to_numpy(x), "float64"),
                                   defence.axis, -1)
                       for x in (defence.clean(rows), defence(rows, training=False)))
    usable = np.isfinite(clean).all(-1) & np.isfinite(defended).all(-1)
    if not usable.any():
        return False
    clean, defended = clean[usable], defended[usable]
    distance = np.abs(clean - defended).sum(-1).mean()
    before, after = (x.max(-1).mean() for x in (clean, defended))
    if distance <= _MAX_L1 or after >= before:
        return False
    _log.warning(
        "%s: the defence moves the answers by a mean L1 distance of %.2f, of 2 at most: the mean "
        "confidence of the label falls from %.3f to %.3f (%d %s). To choose a weaker one by clean "
        "probabilities of real rows: revsig_keras.choose_strength(probabilities, max_l1=1).layer()",
        name, distance, before, after, len(clean),
        "answers to made-up inputs, so try real ones" if made_up else "answers")
    return True
