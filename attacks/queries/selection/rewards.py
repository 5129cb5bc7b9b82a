"""Rewards: the worth of an answer for a thief."""

import numpy as np

PARTS = ("certainty", "diversity", "loss")


class Rewards:
    """The rewards of Knockoff Nets (arXiv 1812.02766), computed from targets y.

    - certainty: the margin between the two largest entries of y.
    - diversity: sum_k max(0, y_k - mean of y_k over all earlier rows).
    - loss: the cross-entropy between y and the substitute's probabilities from before it was
      trained on y; uniform ones if it is not trained yet.

    Each part is mapped to [0, 1] by its smallest and largest value so far, including this round; a
    part that was constant so far is 0. The reward is the mean of the parts.

    Args:
        parts: Names of `PARTS`.
    """

    def __init__(self, parts: tuple[str, ...]):
        self._parts = parts
        self._spans = {part: (np.inf, -np.inf) for part in parts}
        self._sum, self._rows = 0.0, 0

    def of(self, targets: np.ndarray, predicted: np.ndarray | None) -> np.ndarray:
        """Computes the rewards `[n]` of a round.

        Args:
            targets: Array `[n, num_classes]`.
            predicted: The substitute's probabilities `[n, num_classes]`, or None if it is not
                trained yet.
        """
        targets = np.asarray(targets, np.float64)
        raw = {
            "certainty": certainty(targets),
            "diversity": self._diversity(targets),
            "loss": loss(targets, predicted),
        }
        return np.mean([self._normalised(part, raw[part]) for part in self._parts], axis=0)

    def _diversity(self, targets):
        sums = self._sum + np.cumsum(targets, axis=0) - targets
        before = self._rows + np.arange(len(targets))[:, None]
        means = np.divide(sums, before, out=targets.copy(), where=before > 0)
        self._sum = self._sum + targets.sum(axis=0)
        self._rows += len(targets)
        return np.maximum(0, targets - means).sum(axis=1)

    def _normalised(self, part, values):
        low, high = self._spans[part]
        low, high = min(low, values.min()), max(high, values.max())
        self._spans[part] = low, high
        return (values - low) / (high - low) if high > low else np.zeros_like(values)


def certainty(targets: np.ndarray) -> np.ndarray:
    """The margins `[n]` between the two largest entries of each row."""
    *_, second, first = np.partition(targets, (-2, -1), axis=1).T
    return first - second


def loss(targets: np.ndarray, predicted: np.ndarray | None) -> np.ndarray:
    """The cross-entropy of each row in nats, `[n]`; see `Rewards.of` for the arguments."""
    if predicted is None:
        predicted = np.full(targets.shape, 1 / targets.shape[1])
    smallest = np.finfo(np.float32).tiny
    return -np.sum(targets * np.log(np.maximum(predicted, smallest, dtype=np.float64)), axis=1)
