"""Rewards: the worth of an answer for a thief."""

import numpy as np

PARTS = ("certainty", "diversity", "loss")

# Differences of a part up to this are taken for rounding.
_ROUNDING = 1e-12


class Rewards:
    """The rewards of Knockoff Nets (arXiv 1812.02766), computed from targets y.

    - certainty: the margin between the two largest entries of y.
    - diversity: sum_k max(0, y_k - mean of y_k over the last `window` rows before it).
    - loss: the cross-entropy between y and the substitute's probabilities from before it was
      trained on y; uniform ones if it is not trained yet.

    Each part is mapped to [0, 1] by its smallest and largest value in this round and in the last
    `window` rows before it; a part that was constant there, up to rounding, is 0. The reward is the
    mean of the parts. The baseline that the paper subtracts, a mean over the same window, is that
    of the `GradientBandit`.

    Args:
        parts: Names of `PARTS`.
        window: Integer, the number of earlier rows that count: the paper's Delta.
    """

    def __init__(self, parts: tuple[str, ...], window: int):
        self._parts, self._window = parts, window
        self._recent = {part: np.empty(0) for part in parts}
        self._targets: np.ndarray | None = None

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
        before = targets[:0] if self._targets is None else self._targets
        rows = np.concatenate([before, targets])
        self._targets = rows[-self._window:]
        ends = np.arange(len(before), len(rows))
        starts = np.maximum(ends - self._window, 0)
        sums = np.concatenate([np.zeros((1, targets.shape[1])), np.cumsum(rows, axis=0)])
        counts = (ends - starts)[:, np.newaxis]
        means = np.divide(sums[ends] - sums[starts], counts, out=targets.copy(), where=counts > 0)
        return np.maximum(0, targets - means).sum(axis=1)

    def _normalised(self, part, values):
        seen = np.concatenate([self._recent[part], values])
        self._recent[part] = seen[-self._window:]
        low, high = seen.min(), seen.max()
        span = high - low
        return (values - low) / span if span > _ROUNDING else np.zeros_like(values)


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
