"""Answers of the Reverse Sigmoid for many strengths at a time."""
from collections.abc import Sequence

from keras import ops
import numpy as np

from revsig_keras.defences.numerics import log_odds
from revsig_keras.defences.numerics import softmax_rows
from revsig_keras.defences.numerics.probabilities import epsilon

_STEP = epsilon("float32")


def reverse_sigmoids(clean: np.ndarray, betas: Sequence[float], gamma: float) -> np.ndarray:
    """Returns what `reverse_sigmoid` answers for each beta, in float32, but for rounding.

    Log-odds are computed once for all of them. The passes over the entries that are left are
    NumPy's, in place, since the backends of Keras allocate memory for each.

    Args:
        clean: Array `(rows, classes)` of float32.
        betas: The magnitudes.
        gamma: Float, the saturation of all of them.

    Returns:
        Array `(betas, rows, classes)` of float32.
    """
    rows = softmax_rows.from_probabilities(ops.convert_to_tensor(clean))
    beta = ops.convert_to_tensor(np.array(betas, "float32")[:, None, None])
    columns = softmax_rows.strength(rows, beta, gamma, True, _STEP)
    top, lifting, rest, gap, lift = map(
        ops.convert_to_numpy, (*columns, rows.rest, rows.gap, log_odds.lift(rows.log_odds, gamma)))
    # As in `softmax_rows.perturb`.
    scores = lifting * lift
    scores += rest
    np.minimum(scores, top * np.float32(1.0 - 2.0 * _STEP), out=scores)
    row, column = np.nonzero(gap < top.max(axis=0))
    least = top[:, row, 0] - gap[row, column]
    scores[:, row, column] = np.maximum(scores[:, row, column], least)
    scores /= scores.sum(axis=2, keepdims=True)
    return scores
