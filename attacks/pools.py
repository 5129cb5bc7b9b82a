"""The inputs that a thief can have."""

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True, eq=False)
class Pools:
    """The inputs that a thief can have, all without the labels of the victim's task.

    Attributes:
        own: Array `[rows, ...]`, inputs of the victim's own domain.
        input_range: The lowest and the highest value that an input can have.
    """
    own: np.ndarray
    input_range: tuple[float, float]

    @property
    def input_shape(self) -> tuple[int, ...]:
        """The shape of one input."""
        return self.own.shape[1:]
