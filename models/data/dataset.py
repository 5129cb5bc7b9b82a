"""Labelled inputs for classifiers."""
import dataclasses
import functools
import hashlib

import numpy as np

from models.data import groups as grouping
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
        groups: The group of each row, such as a patient or a camera track: whole numbers of shape
            `[n]`, or `None` if there are none. Rows of one group are never in two parts of the
            data; see `models.data.splits`.
        test_groups: Likewise for the official test split; both count in the same numbers.
        known_numbers: `models.data.groups.number_equal` of all inputs, and `known_digest` the
            digest of the arrays, if they are known without reading all data.
    """
    name: str
    x: Inputs
    y: np.ndarray
    num_classes: int
    input_range: tuple[float, float]
    test_x: Inputs | None = None
    test_y: np.ndarray | None = None
    groups: np.ndarray | None = None
    test_groups: np.ndarray | None = None
    known_numbers: np.ndarray | None = None
    known_digest: str | None = None

    def __post_init__(self):
        if self.num_classes < 2:
            raise ValueError(f"The data set {self.name} must have at least 2 classes. Received: "
                             f"{self.num_classes}")
        self._check(self.x, self.y)
        if self.test_x is not None:
            self._check(self.test_x, self.test_y, "test ")
        for name, inputs in (("groups", self.x), ("test_groups", self.test_x)):
            self._check_groups(name, getattr(self, name), inputs)

    def _check(self, x, y, part=""):
        if y.ndim != 1 or x.ndim < 2 or len(x) != len(y) or 0 in x.shape:
            raise ValueError(
                f"The data set {self.name} must have {part}inputs of shape (n, ...) and {part}"
                f"labels of shape (n,), n at least 1. Received: {x.shape} and {y.shape}")
        if x.shape[1:] != self.input_shape:
            raise ValueError(f"The data set {self.name} must have test inputs of the shape "
                             f"{self.input_shape}. Received: {x.shape[1:]}")
        if not isinstance(x, StreamedImages) and not np.isfinite(x).all():
            raise ValueError(
                f"The data set {self.name} must have finite {part}inputs. Received: NaN "
                "or infinity")
        if not 0 <= y.min() <= y.max() < self.num_classes:
            raise ValueError(f"The data set {self.name} must have {part}labels from 0 to "
                             f"{self.num_classes - 1}. Received: {y.min()} to {y.max()}")

    def _check_groups(self, name, groups, inputs):
        if groups is None:
            return
        if inputs is None or groups.shape != (len(inputs),) or groups.dtype.kind not in "iu":
            rows = "no rows" if inputs is None else f"{len(inputs)} rows"
            raise ValueError(
                f"The data set {self.name} must have one whole number per row in {name}. Received: "
                f"shape {groups.shape} and dtype {groups.dtype} for {rows}")

    @property
    def input_shape(self) -> tuple[int, ...]:
        """The shape of one input."""
        return self.x.shape[1:]

    @functools.cached_property
    def row_groups(self) -> tuple[np.ndarray, np.ndarray]:
        """Numbers of the rows, and of those of the official test split.

        Rows have one number if they are equal or of one group, directly or through other rows.
        """
        inputs = [self.x] if self.test_x is None else [self.x, self.test_x]
        numbers = self.known_numbers
        if numbers is None:
            numbers = grouping.number_equal(*inputs)
        if self.groups is not None or self.test_groups is not None:
            numbers = grouping.join(numbers, self._given_groups())
        return numbers[:len(self.x)], numbers[len(self.x):]

    def fingerprint(self) -> str:
        """Returns the SHA-256 of everything but the name, in hexadecimal.

        Groups count where they change how the rows are split, and so do equal rows.
        """
        rows, tests = self.row_groups
        if len(np.unique(rows)) == len(rows) and not np.isin(rows, tests).any():
            return self.digest
        digest = hashlib.sha256(self.digest.encode())
        digest.update(np.concatenate([rows, tests]))
        return digest.hexdigest()

    @functools.cached_property
    def digest(self) -> str:
        """The SHA-256 of the arrays without groups, in hexadecimal."""
        if self.known_digest is not None:
            return self.known_digest
        digest = hashlib.sha256(repr((self.num_classes, self.input_range)).encode())
        for array in (self.x, self.y, self.test_x, self.test_y):
            digest.update(b"None" if array is None else f"{array.dtype.str}{array.shape}".encode())
            if array is not None:
                for chunk in chunks(array):
                    digest.update(np.ascontiguousarray(chunk))
        return digest.hexdigest()

    def _given_groups(self):
        """The given groups; rows without one are groups of their own."""
        tests = 0 if self.test_x is None else len(self.test_x)
        given, first = [], 1 + max(
            groups.max() for groups in (self.groups, self.test_groups) if groups is not None)
        for groups, rows in ((self.groups, len(self.x)), (self.test_groups, tests)):
            given.append(np.arange(first, first + rows) if groups is None else groups)
            first += rows
        return np.concatenate(given)
