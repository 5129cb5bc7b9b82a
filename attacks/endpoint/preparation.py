"""Makes a served model's inputs from those of the data set."""

import math

import numpy as np

from attacks.endpoint.endpoint import Signature
from attacks.endpoint.failures import EndpointError
from attacks.oracle.oracle import digest
from models.answers.ranges import check_range
from models.answers.ranges import missing
from models.answers.ranges import to_dtype
from models.answers.ranges import to_range

# What a dtype may lose of the data: the fraction of rows that become equal to others, and the mean
# distance by which values move, as a fraction of the range.
_MOST_MERGED, _MOST_MOVED = 0.01, 0.02


class Preparation:
    """Maps inputs to the range, dtype and shape of the model.

    A value x of the data's range [a, b] becomes low + (x - a) (high - low) / (b - a), in float64.
    For integers and booleans, values are rounded and clipped to the range of the dtype. An input
    with another shape than the model's but as many values is reshaped: (28, 28, 1) to (784,), for
    instance.

    Args:
        data_range: Pair (lowest, highest) of the data set.
        model_range: Pair (low, high) of the model, or None if the model takes the data unchanged.
        input_shape: Shape of one input of the data set.
        signature: The signature of the model.

    Attributes:
        dtype: The name of the model's dtype.

    Raises:
        EndpointError: If the shapes do not fit.
        ValueError: If the range is not one of the model's dtype, or is missing.
    """

    def __init__(self, data_range: tuple[float, float], model_range: tuple[float, float] | None,
                 input_shape: tuple[int, ...], signature: Signature):
        self._from, self._to = data_range, model_range
        self._dtype = np.dtype(signature.input_dtype)
        self.dtype = self._dtype.name
        self._shape = _fitting(input_shape, signature.input_shape)
        check_range("input_range", model_range, data_range, self._dtype)

    def __call__(self, inputs: np.ndarray) -> np.ndarray:
        """Maps a batch `[n, ...]`."""
        return to_dtype(self._mapped(inputs), self._dtype).reshape(len(inputs), *self._shape)

    def check_whole(self, inputs: np.ndarray) -> None:
        """Checks that data are whole numbers if the model takes them and no range is given.

        Args:
            inputs: Rows of the data set `[n, ...]`.

        Raises:
            ValueError: If they are not.
        """
        if self._dtype.kind in "iub" and self._to is None and not np.array_equal(
                inputs, np.rint(inputs)):
            raise ValueError(missing("input_range", self._from, self._dtype))

    def losses(self, inputs: np.ndarray) -> str:
        """Returns what the model's dtype loses of the rows `[n, ...]`, in words; empty if little.

        The loss counts if more than 1% of the rows become equal to others, or if rounding moves a
        value by more than 2% of the range on average.
        """
        merged = len(set(map(digest, inputs))) - len(set(map(digest, self(inputs))))
        if merged > _MOST_MERGED * len(inputs):
            return f"{merged} of {len(inputs)} rows become equal to others"
        if self._dtype.kind not in "iub":
            return ""
        mapped, (low, high) = self._mapped(inputs), self._to or self._from
        moved = float(np.abs(mapped - np.rint(mapped)).mean()) / (high - low)
        return f"rounding moves values by {moved:.0%} of the range" if moved > _MOST_MOVED else ""

    def _mapped(self, inputs):
        return inputs if self._to is None else to_range(inputs, self._from, self._to)


def _fitting(shape, wanted):
    if wanted is None or (len(wanted) == len(shape) and
                          all(there in (None, size) for there, size in zip(wanted, shape))):
        return shape
    if None not in wanted and math.prod(wanted) == math.prod(shape):
        return wanted
    raise EndpointError(f"The endpoint takes inputs of shape {wanted}, and the data set must fit. "
                        f"Received: inputs of shape {shape}")
