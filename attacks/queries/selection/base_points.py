"""The inputs from which a round of an attack with substitutes starts."""

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True, eq=False)
class BasePoints:
    """Queried inputs from which a round makes new ones.

    Attributes:
        inputs: Array `[n, ...]`.
        labels: Array `[n]`, the labels of their targets: the oracle's labels, not the substitute's.
        num_classes: The number of classes.
        round: The number of the round, from 0.
        input_range: The lowest and the highest value of an input.
    """
    inputs: np.ndarray
    labels: np.ndarray
    num_classes: int
    round: int
    input_range: tuple[float, float]

    @property
    def span(self) -> float:
        """The width of the range."""
        low, high = self.input_range
        return high - low

    def clip(self, points: np.ndarray) -> np.ndarray:
        """Restricts each value of the points to the range."""
        return np.clip(points, *self.input_range)
