"""The true labels of the thief's pool, for the control that asks no victim."""

import functools

import numpy as np

from attacks.oracle.oracle import digest
from models.data.splits import Rows


class TrueLabels:
    """Answers rows of a pool with their true labels, in place of a victim.

    Args:
        pool: The rows with their true labels. Of equal rows, the label of the first counts.
        num_classes: The number of classes.
    """

    def __init__(self, pool: Rows, num_classes: int):
        self._pool, self._num_classes = pool, num_classes

    def predict(self, inputs: np.ndarray) -> np.ndarray:
        """Returns the true labels of inputs `[n, ...]` as one-hot rows `[n, num_classes]`.

        Raises:
            ValueError: If an input is no row of the pool.
        """
        try:
            labels = [self._labels[digest(row)] for row in inputs]
        except KeyError:
            raise ValueError("`inputs` must be rows of the pool: no others have a true label. "
                             "Received: an input outside the pool") from None
        return np.eye(self._num_classes, dtype=np.float32)[np.array(labels, int)]

    @functools.cached_property
    def _labels(self):
        labels: dict[bytes, int] = {}
        for row, label in zip(self._pool.x, self._pool.y, strict=True):
            labels.setdefault(digest(row), int(label))
        return labels
