"""A defence under test: what it receives, and how to read what it returns."""
import dataclasses
from typing import Any

import keras
from keras import ops
import numpy as np

from revsig_keras.defences.base import Defence
from revsig_keras.testing import rows

# Logits have no infinite entries: probabilities of 0 become those of the smallest normal number.
_TINY = rows.TINY


@dataclasses.dataclass(frozen=True)
class Subject:
    """A defence under test, on rows of so many classes.

    Attributes:
        layer: The `Defence`.
        classes: Integer, the number of classes or units of the rows.
    """
    layer: Defence
    classes: int = 10

    def variant(self, **changes: Any) -> Defence:
        """Returns a copy of the defence with changes of its configuration."""
        config = {**self.layer.get_config(), **changes}
        return type(self.layer).from_config(config)

    def hostile(self, count: int, seed: int) -> np.ndarray:
        """Returns inputs whose label is easily lost."""
        return self.receive(rows.hostile_rows(count, self.classes, seed))

    def extreme(self, seed: int) -> np.ndarray:
        """Returns inputs at the ends of the range of float32."""
        return self.receive(rows.extreme_rows(self.classes, seed))

    def ordinary(self, count: int, temperature: float, seed: int) -> np.ndarray:
        """Returns inputs as a trained classifier emits them."""
        return self.receive(rows.softmax_rows(count, self.classes, temperature, seed))

    def receive(self, probabilities: np.ndarray) -> np.ndarray:
        """Returns rows of probabilities as the defence receives them."""
        layer, y = self.layer, probabilities
        if layer.from_logits:
            others = np.log(np.maximum(1 - y, _TINY)) if layer.multi_label else 0
            y = np.log(np.maximum(y, _TINY)) - others
        return y.reshape(self.shape(len(y)))

    def shape(self, count: int) -> tuple[int, ...]:
        """Returns the shape of `count` inputs, with the classes on the defence's axis."""
        axis = -1 if self.layer.multi_label else self.layer.axis
        if axis < 0:
            return (count, self.classes, *[1] * (-1 - axis))
        return (count, *[1] * (axis - 1), self.classes)

    def clean(self, inputs: np.ndarray) -> np.ndarray:
        """Returns the probabilities that the inputs stand for."""
        if not self.layer.from_logits:
            return inputs
        if self.layer.multi_label:
            return 1 / (1 + np.exp(-inputs))
        axis = self.layer.axis
        powers = np.exp(inputs - inputs.max(axis=axis, keepdims=True))
        return powers / powers.sum(axis=axis, keepdims=True)

    def distributions(self, outputs: np.ndarray) -> np.ndarray:
        """Returns outputs as rows of classes: a sigmoid unit is a row of two."""
        if self.layer.multi_label:
            return np.stack([1 - outputs, outputs], -1).reshape(-1, 2)
        return np.moveaxis(outputs, self.layer.axis, -1).reshape(-1, self.classes)

    def labels(self, inputs: np.ndarray) -> np.ndarray:
        """Returns the label of each row that the inputs stand for."""
        if self.layer.multi_label:
            return (inputs > (0 if self.layer.from_logits else 0.5)).reshape(-1)
        return self.distributions(inputs).argmax(axis=1)


def as_float64(tensor: Any) -> np.ndarray:
    """Returns a tensor as a NumPy array of float64."""
    return ops.convert_to_numpy(tensor).astype("float64")


def dtype_of(tensor: Any) -> str:
    """Returns the dtype of a tensor as a string."""
    return keras.backend.standardize_dtype(tensor.dtype)
