"""Makes a model's inputs from those of the data set."""
import math
from typing import Any

import numpy as np

from models.answers.ranges import check_range
from models.answers.ranges import to_dtype
from models.answers.ranges import to_range
from models.data.images import resize
from models.data.images import with_channels
from models.victim.own.source import Source


class Preprocessing:
    """Maps inputs to the shape, range and dtype of a model.

    1. An input of another shape than the model's: if it has as many values, it is reshaped. If both
       are images, it is resized (bilinearly, antialiased) and its channels are converted, colours
       to their luminance and grey by repetition.
    2. A value x of the data's range [a, b] becomes low + (x - a) (high - low) / (b - a).
    3. For integers and booleans, values are rounded and clipped to the range of the dtype.

    Args:
        shape: The shape of one input of the data set.
        data_range: The pair (lowest, highest) of the data set.
        model_range: The pair (low, high) of the model, or `None` for that of the data set; for
            uint8, (0, 255).
        source: The model.

    Raises:
        ValueError: If the shapes do not fit, or the range is not one of the model's dtype, or is
            missing.
    """

    def __init__(self, shape: tuple[int, ...], data_range: tuple[float, float],
                 model_range: tuple[float, float] | None, source: Source):
        self._dtype, self._from = source.input_dtype, data_range
        if model_range is None and self._dtype == np.uint8:
            model_range = (0.0, 255.0)
        check_range("victim_range", model_range, data_range, self._dtype)
        self._to = model_range or data_range
        self._shape = _fitting(shape, source.input_shape)
        self._resized = math.prod(self._shape) != math.prod(shape)
        if self._resized and not _can_be_resized(shape, self._shape):
            raise ValueError(f"`victim` must take inputs of the data's shape {shape}, as many "
                             "values, or images where these are images. Received: one that takes "
                             f"{source.input_shape}")

    def __call__(self, inputs: np.ndarray) -> np.ndarray:
        """Maps a batch `[n, ...]`."""
        a, b = self._from
        if self._resized:
            unit = ((inputs - a) / (b - a)).astype(np.float32)
            height, width, channels = self._shape
            inputs, a, b = with_channels(resize(unit, (height, width)), channels), 0.0, 1.0
        if (a, b) != tuple(self._to):
            inputs = to_range(inputs, (a, b), self._to)
        return to_dtype(inputs, self._dtype).reshape(len(inputs), *self._shape)

    def describe(self) -> dict[str, Any]:
        """What a record keeps of it."""
        return {
            "input_shape": list(self._shape),
            "input_dtype": self._dtype.name,
            "input_range": list(self._to),
            "resized": self._resized,
        }


def _fitting(shape, wanted):
    """The shape of the model's inputs, with the sizes of the data where those may vary."""
    if wanted is None:
        return shape
    if len(wanted) == len(shape):
        return tuple(size or there for size, there in zip(wanted, shape))
    if None in wanted:
        raise ValueError(f"`victim` must take inputs of the data's shape {shape}. Received: one "
                         f"that takes {wanted}")
    return wanted


def _can_be_resized(shape, wanted):
    return (len(shape) == len(wanted) == 3 and
            (shape[2] == wanted[2] or {shape[2], wanted[2]} == {1, 3}))
