"""The memory from which a student learns again."""

import numpy as np


class Replay:
    """Keeps batches of rows of one size, and draws rows of any of them: experience replay.

    Without it, a student forgets the inputs that the generator no longer makes (Kariyappa et al.,
    CVPR 2021).
    """

    def __init__(self):
        self._inputs: list[np.ndarray] = []
        self._targets: list[np.ndarray] = []

    def add(self, inputs: np.ndarray, targets: np.ndarray) -> None:
        """Keeps batches without copying them.

        Args:
            inputs: Array `[batches, n, ...]`.
            targets: Array `[batches, n, num_classes]`.
        """
        self._inputs.extend(inputs)
        self._targets.extend(targets)

    def draw(self, batches: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Draws so many batches, each row uniformly from all rows; arrays as for `add`."""
        rows = len(self._inputs[0])
        places = rng.integers(len(self._inputs) * rows, size=batches * rows)
        return tuple(
            np.stack([kept[place // rows][place % rows]
                      for place in places]).reshape(batches, rows, *kept[0].shape[1:])
            for kept in (self._inputs, self._targets))
