"""Active learning: which inputs a thief asks next."""

import numpy as np
from threadpoolctl import threadpool_limits

from attacks.queries.selection import deepfool
from attacks.queries.selection.rewards import certainty
from models.data.streamed import Inputs

# DeepFool takes steps x classes gradients, so it looks at so many candidates, or at so many for
# each that is chosen.
_FEWEST, _PER_CHOICE = 1000, 4


def uncertainty(substitute, candidates: Inputs, asked: np.ndarray, count: int) -> np.ndarray:
    """Those on which the substitute's answer has the largest entropy.

    This is the signature of all strategies.

    Args:
        substitute: What was trained on all answers so far; see `attacks.queries.thief.Substitute`.
        candidates: Inputs `[n, ...]`, in random order.
        asked: Array `[m, ...]`, the inputs that were asked.
        count: How many to choose, at most n.

    Returns:
        Their places among the candidates, `[count]`; of equals the first.
    """
    del asked
    p = substitute.probabilities(candidates).astype(np.float64)
    return _largest(-np.sum(p * np.log(np.where(p > 0, p, 1)), axis=1), count)


def margin(substitute, candidates, asked, count):
    """Those on which the two largest of the substitute's probabilities are nearest."""
    del asked
    return _largest(-certainty(substitute.probabilities(candidates)), count)


def k_center(substitute, candidates, asked, count):
    """Those farthest from all before: the greedy algorithm for k centres, in the space of the
    substitute's probabilities, from the inputs that were asked (arXiv 1708.00489)."""
    from sklearn.metrics import pairwise_distances_argmin_min

    points = substitute.probabilities(candidates).astype(np.float64)
    centers = substitute.probabilities(asked).astype(np.float64)
    with threadpool_limits(1):  # See `attacks.queries.knockoff.clusters`.
        _, nearest = pairwise_distances_argmin_min(points, centers, metric="sqeuclidean")
    chosen = []
    for _ in range(count):
        nearest[chosen[-1:]] = -1  # Below all distances: no candidate is chosen twice.
        chosen.append(int(nearest.argmax()))
        np.minimum(nearest, np.sum((points - points[chosen[-1]])**2, axis=1), out=nearest)
    return np.array(chosen)


def adversarial(substitute, candidates, asked, count):
    """Those nearest to a border of the substitute, by DeepFool (arXiv 1802.09841).

    To bound the cost it looks at the first 1,000 candidates, or 4 for each that is chosen.
    """
    del asked
    looked_at = candidates[:max(_FEWEST, _PER_CHOICE * count)]
    return _largest(-deepfool.distances(substitute, looked_at), count)


def _largest(scores, count):
    return np.argsort(-scores, kind="stable")[:count]


STRATEGIES = {
    "uncertainty": uncertainty,
    "margin": margin,
    "k_center": k_center,
    "adversarial": adversarial,
}
