"""What a round of an attack that trains substitutes starts from."""

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True, eq=False)
class BasePoints:
    """Inputs that were asked, from which a round makes new ones.

    Attributes:
        inputs: Array `[n, ...]`.
        labels: Array `[n]`, the classes of what the adversary read for them: the oracle's labels,
            whatever the substitute makes of the inputs.
        num_classes: The number of classes.
        round: The number of the round, from 0.
        input_range: The lowest and the highest value that an input can have.
    """
    inputs: np.ndarray
    labels: np.ndarray
    num_classes: int
    round: int
    input_range: tuple[float, float]

    def share(self, share: float) -> float:
        """A share of the range, in the unit of the inputs."""
        low, high = self.input_range
        return share * (high - low)

    def clip(self, points: np.ndarray) -> np.ndarray:
        """Points, moved into the range value by value."""
        return np.clip(points, *self.input_range)
