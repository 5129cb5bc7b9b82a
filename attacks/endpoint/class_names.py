"""The names of classes in answers."""

from collections.abc import Sequence
import hashlib
from typing import Any

import numpy as np

from attacks.endpoint.failures import EndpointError


class ClassNames:
    """Maps the names of classes in answers to the labels of the data.

    Args:
        names: The names in the order of the labels 0, 1, 2, ..., or none if the names are these
            numbers.
        in_class_order: Whether numbers without names are in the order of the labels although there
            are names.

    Attributes:
        in_class_order: Likewise.
    """

    def __init__(self, names: Sequence[str], in_class_order: bool = False):
        self._labels = {name: label for label, name in enumerate(names)}
        self.in_class_order = in_class_order

    def __len__(self):
        return len(self._labels)

    def __str__(self):
        """A short digest of the names and their order; empty if there are no names."""
        if not self._labels:
            return ""
        return "classes:" + hashlib.sha256("\n".join(self._labels).encode()).hexdigest()[:12]

    def label(self, name: Any) -> int:
        """Returns the label.

        Raises:
            EndpointError: If there is no such class.
        """
        text = name.decode("utf-8", "replace") if isinstance(name, bytes) else str(name)
        if text in self._labels:
            return self._labels[text]
        if not self._labels and text.isdecimal() and text.isascii():
            return int(text)
        raise EndpointError("`class_names` must name each class as the endpoint does. Received: "
                            f"the class {text[:60]!r}, which is " +
                            ("not among them" if self._labels else "no number, and no names"))

    def labels(self, array: np.ndarray) -> np.ndarray:
        """Returns the labels in place of an array of names; other arrays as they are.

        Raises:
            EndpointError: If there are names of classes, and the array has another name, or numbers
                whose order nobody has declared.
        """
        if not self._labels or self.in_class_order and array.dtype.kind not in "OSU":
            return array
        if array.dtype.kind == "f" or array.size > len(array):
            raise EndpointError("`in_class_order` must state that numbers without names are in the "
                                "order of the data's labels, where `class_names` are given. "
                                "Received: numbers without names")
        return np.array([self.label(name) for name in array.flat], np.int64).reshape(array.shape)
