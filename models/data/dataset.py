"""Labelled inputs for classifiers."""
import dataclasses
import functools
import hashlib

import numpy as np

from models.data.streamed import chunks
from models.data.streamed import Inputs
from models.data.streamed import StreamedImages


@dataclasses.dataclass(frozen=True, eq=False)
class Dataset:
    """Labelled inputs for a classifier, in memory or, as `StreamedImages`, on disk.

    Attributes:
        name: The name that it was loaded by.
        x: float32 inputs of shape `[n, ...]`.
        y: int64 labels in `[0, num_classes)`, of shape `[n]`.
        num_classes: The number of classes, at least 2.
        input_range: The pair (lowest, highest) of the values that an input can have.
        test_x: The inputs of the official test split, or `None` if there is none.
        test_y: The labels of the official test split, or `None` if there is none.
        known_fingerprint: The result of `fingerprint`, if it is known without reading all data.
    """
    name: str
    x: Inputs
    y: np.ndarray
    num_classes: int
    input_range: tuple[float, float]
    test_x: Inputs | None = None
    test_y: np.ndarray | None = None
    known_fingerprint: str | None = None

    def __post_init__(self):
        if self.num_classes < 2:
            raise ValueError(f"The data set {self.name} must have at least 2 classes. Received: "
                             f"{self.num_classes}")
        self._check(self.x, self.y)
        if self.test_x is not None:
            self._check(self.test_x, self.test_y)

    def _check(self, x, y):
        if y.ndim != 1 or x.ndim < 2 or len(x) != len(y) or 0 in x.shape:
            raise ValueError(
                f"The data set {self.name} must have inputs of shape (n, ...) and labels "
                f"of shape (n,), n at least 1. Received: {x.shape} and {y.shape}")
        if x.shape[1:] != self.input_shape:
            raise ValueError(f"The data set {self.name} must have test inputs of the shape "
                             f"{self.input_shape}. Received: {x.shape[1:]}")
        if not isinstance(x, StreamedImages) and not np.isfinite(x).all():
            raise ValueError(f"The data set {self.name} must have finite inputs. Received: NaN or "
                             "infinity")
        if not 0 <= y.min() <= y.max() < self.num_classes:
            raise ValueError(f"The data set {self.name} must have labels from 0 to "
                             f"{self.num_classes - 1}. Received: {y.min()} to {y.max()}")

    @property
    def input_shape(self) -> tuple[int, ...]:
        """The shape of one input."""
        return self.x.shape[1:]

    def fingerprint(self) -> str:
        """Returns the SHA-256 of everything but the name, in hexadecimal."""
        return self.known_fingerprint or self._fingerprint

    @functools.cached_property
    def _fingerprint(self):
        digest = hashlib.sha256(repr((self.num_classes, self.input_range)).encode())
        for array in (self.x, self.y, self.test_x, self.test_y):
            digest.update(b"None" if array is None else f"{array.dtype.str}{array.shape}".encode())
            if array is not None:
                for chunk in chunks(array):
                    digest.update(np.ascontiguousarray(chunk))
        return digest.hexdigest()
