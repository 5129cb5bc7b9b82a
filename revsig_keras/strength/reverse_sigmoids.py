"""Answers of the Reverse Sigmoid for many strengths at a time."""
from collections.abc import Sequence

from keras import ops
import numpy as np

from revsig_keras.defences.numerics import softmax_rows
from revsig_keras.defences.numerics.log_odds import tanh
from revsig_keras.defences.numerics.probabilities import epsilon
from revsig_keras.defences.numerics.softmax_scores import safe_weight
from revsig_keras.defences.numerics.strength import Strength

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
    rows = softmax_rows.from_probabilities(ops.convert_to_tensor(clean), with_ends=True)
    # The axis of the ends comes before that of the betas.
    rows = rows._replace(ends=rows.ends[:, None], odds_of_ends=rows.odds_of_ends[:, None])
    beta = ops.convert_to_tensor(np.array(betas, "float32")[:, None, None])
    pulls, top_pulls = (tanh(0.5 * gamma * odds) for odds in (rows.odds, rows.odds_of_top))
    weights = safe_weight(rows, top_pulls, Strength(beta, gamma, True, _STEP))
    tops = rows.top + weights * top_pulls
    rest, pulls, weights, tops, is_below = map(ops.convert_to_numpy,
                                               (rows.rest, pulls, weights, tops, rows.is_below))
    # As in `softmax_scores.perturb`.
    scores = weights * pulls
    scores += rest
    np.minimum(scores, tops * np.float32(1.0 - 2.0 * _STEP), out=scores)
    row, column = np.nonzero(~is_below)
    scores[:, row, column] = tops[:, row, 0]
    scores /= scores.sum(axis=2, keepdims=True)
    return scores
