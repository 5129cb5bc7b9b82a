"""Makes a served model's inputs from those of the data set."""

import math

import numpy as np

from attacks.endpoint.endpoint import Signature
from attacks.endpoint.failures import EndpointError


class Preparation:
    """Maps inputs to the range, dtype and shape of the model.

    A value x of the data's range [a, b] becomes low + (x - a) (high - low) / (b - a), in float64.
    For an integer dtype, values are rounded and clipped to the range of the dtype. An input with
    another shape than the model's but as many values is reshaped: (28, 28, 1) to (784,), for
    instance.

    Args:
        data_range: Pair (lowest, highest) of the data set.
        model_range: Pair (low, high) of the model, or None if the model takes the data unchanged.
        input_shape: Shape of one input of the data set.
        signature: The signature of the model.

    Raises:
        EndpointError: If the shapes do not fit.
    """

    def __init__(self, data_range: tuple[float, float], model_range: tuple[float, float] | None,
                 input_shape: tuple[int, ...], signature: Signature):
        self._from, self._to = data_range, model_range
        self._dtype = np.dtype(signature.input_dtype)
        self._shape = _fitting(input_shape, signature.input_shape)

    def __call__(self, inputs: np.ndarray) -> np.ndarray:
        """Maps a batch `[n, ...]`."""
        if self._to is not None:
            (a, b), (low, high) = self._from, self._to
            inputs = low + (np.asarray(inputs, np.float64) - a) * ((high - low) / (b - a))
        if self._dtype.kind in "iu":
            limits = np.iinfo(self._dtype)
            inputs = np.clip(np.rint(inputs), limits.min, limits.max)
        return inputs.astype(self._dtype).reshape(len(inputs), *self._shape)


def _fitting(shape, wanted):
    if wanted is None or (len(wanted) == len(shape) and
                          all(there in (None, size) for there, size in zip(wanted, shape))):
        return shape
    if None not in wanted and math.prod(wanted) == math.prod(shape):
        return wanted
    raise EndpointError(f"The endpoint takes inputs of shape {wanted}, and the data set must fit. "
                        f"Received: inputs of shape {shape}")
