"""DeepFool: the distance of an input from a model's decision border."""

import numpy as np

from attacks.clone.clone import Clone

# The largest number of steps. A linear model needs one.
_STEPS = 3
# Each step is longer by this fraction, so that it crosses the border.
_OVERSHOOT = 0.02


def distances(substitute: Clone, inputs: np.ndarray) -> np.ndarray:
    """Estimates the Euclidean distances of inputs to the nearest border (arXiv 1511.04599).

    With c the label of x and z the logits, each step goes to the border of the class k that is
    nearest on the linearised model:

        k = argmin |z_k - z_c| / |w_k|,  w_k = dz_k/dx - dz_c/dx
        step = |z_k - z_c| w_k / |w_k|^2

    The distance is the length of the sum of all steps, without their overshoot. An input stops once
    its label has changed, at the latest after 3 steps. A step takes one gradient of the batch per
    class. Where the gradients vanish, the distance is infinite.

    Args:
        substitute: The model.
        inputs: Array `[n, ...]`.

    Returns:
        Array `[n]`.
    """
    origin = inputs.reshape(len(inputs), -1).astype(np.float64)
    path, stuck = np.zeros_like(origin), np.zeros(len(inputs), bool)
    labels, active = None, np.arange(len(inputs))
    for _ in range(_STEPS):
        x = (origin[active] + (1 + _OVERSHOOT) * path[active]).astype(np.float32)
        x = x.reshape(len(active), *inputs.shape[1:])
        logits = _logits(substitute, x)
        labels = logits.argmax(axis=1) if labels is None else labels
        is_kept = logits.argmax(axis=1) == labels[active]
        active, x, logits = active[is_kept], x[is_kept], logits[is_kept]
        if not len(active):
            break
        steps, is_stuck = _steps(substitute, x, logits, labels[active])
        stuck[active] = is_stuck
        path[active] += steps
        active = active[~is_stuck]
    return np.where(stuck, np.inf, np.linalg.norm(path, axis=1))


def _logits(substitute, x):
    """The logits up to a constant per row, which cancels in differences."""
    smallest = np.finfo(np.float32).tiny
    return np.log(np.maximum(substitute.probabilities(x), smallest, dtype=np.float64))


def _steps(substitute, x, logits, labels):
    """The steps of the rows, `[n, values]`, and booleans `[n]` for rows whose gradients vanish."""
    rows = np.arange(len(x))

    def gradients(classes):
        return substitute.gradients(x, classes).reshape(len(x), -1).astype(np.float64)

    own = gradients(labels)
    nearest, steps = np.full(len(x), np.inf), np.zeros_like(own)
    for rival in range(logits.shape[1]):
        gap = logits[rows, labels] - logits[:, rival]
        slope = gradients(np.full(len(x), rival)) - own
        square = np.sum(slope**2, axis=1)
        length = np.divide(gap, np.sqrt(square), out=np.full(len(x), np.inf), where=square > 0)
        is_nearer = (length < nearest) & (labels != rival)
        nearest[is_nearer] = length[is_nearer]
        factors = np.divide(gap, square, out=np.zeros(len(x)), where=is_nearer)
        steps[is_nearer] = (factors[:, None] * slope)[is_nearer]
    return steps, np.isinf(nearest)
