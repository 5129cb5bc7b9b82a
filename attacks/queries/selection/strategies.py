"""Strategies of active learning, which choose the next queries."""

import numpy as np
from threadpoolctl import threadpool_limits

from attacks.clone.clone import Clone
from attacks.queries.selection import deepfool
from attacks.queries.selection.rewards import certainty
from models.data.streamed import chunks
from models.data.streamed import Inputs


def uncertainty(substitute: Clone, candidates: Inputs, asked: np.ndarray, count: int) -> np.ndarray:
    """Chooses the candidates for which the substitute's answers have the largest entropy.

    All strategies have this signature.

    Args:
        substitute: A model trained on all answers so far.
        candidates: Inputs `[n, ...]`.
        asked: Array `[m, ...]`, the inputs queried so far.
        count: The number of candidates to choose, at most n.

    Returns:
        Indices of candidates, `[count]`; of equal ones the first.
    """
    del asked
    p = substitute.probabilities(candidates).astype(np.float64)
    return _largest(-np.sum(p * np.log(np.where(p > 0, p, 1)), axis=1), count)


def margin(substitute, candidates, asked, count):
    """Chooses the candidates with the smallest margin between the substitute's two largest
    probabilities."""
    del asked
    return _largest(-certainty(substitute.probabilities(candidates)), count)


def k_center(substitute, candidates, asked, count):
    """Chooses, one after the other, the candidate farthest from all queried and chosen inputs: the
    greedy algorithm for k centres, in the space of the substitute's probabilities (arXiv
    1708.00489)."""
    from sklearn.metrics import pairwise_distances_argmin_min

    points = substitute.probabilities(candidates).astype(np.float64)
    centers = substitute.probabilities(asked).astype(np.float64)
    with threadpool_limits(1):  # See `attacks.queries.knockoff.clusters`.
        _, nearest = pairwise_distances_argmin_min(points, centers, metric="sqeuclidean")
    chosen = []
    for _ in range(count):
        nearest[chosen[-1:]] = -1  # Below all distances, so that no candidate is chosen twice.
        chosen.append(int(nearest.argmax()))
        np.minimum(nearest, np.sum((points - points[chosen[-1]])**2, axis=1), out=nearest)
    return np.array(chosen)


def adversarial(substitute, candidates, asked, count):
    """Chooses the candidates nearest to a decision border of the substitute, by DeepFool (arXiv
    1802.09841)."""
    del asked
    distances = [deepfool.distances(substitute, chunk) for chunk in chunks(candidates)]
    return _largest(-np.concatenate(distances), count)


def _largest(scores, count):
    return np.argsort(-scores, kind="stable")[:count]


STRATEGIES = {
    "uncertainty": uncertainty,
    "margin": margin,
    "k_center": k_center,
    "adversarial": adversarial,
}
