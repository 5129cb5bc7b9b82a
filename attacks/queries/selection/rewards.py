"""What a thief takes an answer to be worth."""

import numpy as np

PARTS = ("certainty", "diversity", "loss")


class Rewards:
    """The rewards of Knockoff Nets (arXiv 1812.02766), of targets y, what was made of the answers.

    - certainty: the margin between the two largest of y.
    - diversity: sum_k max(0, y_k - mean of y_k over all rows before).
    - loss: the cross-entropy between y and what the substitute said before it saw y; one that is
      not trained yet says the same for all classes.

    Each is mapped to [0, 1] by the least and the largest seen so far, this round included; one that
    was the same for all rows so far is 0. The reward is the mean of the parts.

    Args:
        parts: Names of `PARTS`.
    """

    def __init__(self, parts: tuple[str, ...]):
        self._parts = parts
        self._spans = {part: (np.inf, -np.inf) for part in parts}
        self._sum, self._rows = 0.0, 0

    def of(self, targets: np.ndarray, said: np.ndarray | None) -> np.ndarray:
        """The rewards `[n]` of a round.

        Args:
            targets: Array `[n, num_classes]`.
            said: The substitute's probabilities `[n, num_classes]`, or None if it is not trained.
        """
        targets = np.asarray(targets, np.float64)
        raw = {
            "certainty": certainty(targets),
            "diversity": self._diversity(targets),
            "loss": loss(targets, said),
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
    """The margin between the two largest of each row, `[n, num_classes]` to `[n]`."""
    *_, second, first = np.partition(targets, (-2, -1), axis=1).T
    return first - second


def loss(targets: np.ndarray, said: np.ndarray | None) -> np.ndarray:
    """The cross-entropy in nats of each row; see `Rewards.of`."""
    if said is None:
        said = np.full(targets.shape, 1 / targets.shape[1])
    smallest = np.finfo(np.float32).tiny
    return -np.sum(targets * np.log(np.maximum(said, smallest, dtype=np.float64)), axis=1)
