"""Makes a served model's inputs from those of the data set."""

import math

import numpy as np

from attacks.endpoint.endpoint import Signature
from attacks.endpoint.failures import EndpointError
from attacks.oracle.oracle import digest

# Ranges that models of a dtype usually expect.
_USUAL = {"bool": "0,1", "int8": "-128,127"}


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

    Raises:
        EndpointError: If the shapes do not fit, or the range is not one of the model's dtype.
    """

    def __init__(self, data_range: tuple[float, float], model_range: tuple[float, float] | None,
                 input_shape: tuple[int, ...], signature: Signature):
        self._from, self._to = data_range, model_range
        self._dtype = np.dtype(signature.input_dtype)
        self.dtype = self._dtype.name
        self._shape = _fitting(input_shape, signature.input_shape)
        limits, (low, high) = _limits(self._dtype), model_range or data_range
        if low < limits[0] or high > limits[1]:
            raise EndpointError(
                f"`input_range` must be within what {self._dtype} holds, {limits[0]:g} to "
                f"{limits[1]:g}. Received: {_given(model_range)}{low:g},{high:g}, of which the "
                "values outside would all become the same")

    def __call__(self, inputs: np.ndarray) -> np.ndarray:
        """Maps a batch `[n, ...]`."""
        if self._to is not None:
            (a, b), (low, high) = self._from, self._to
            inputs = low + (np.asarray(inputs, np.float64) - a) * ((high - low) / (b - a))
        if self._dtype.kind in "iub":
            inputs = np.clip(np.rint(inputs), *_limits(self._dtype))
        return inputs.astype(self._dtype).reshape(len(inputs), *self._shape)

    def check(self, inputs: np.ndarray) -> None:
        """Checks that the model's inputs keep what distinguishes those of the data set.

        Args:
            inputs: Rows of the data set `[n, ...]`.

        Raises:
            EndpointError: If the model takes integers or booleans, no range is given, and the data
                are in [0, 1] or are not whole numbers, so that most would be lost by rounding.
        """
        if self._dtype.kind not in "iub" or self._to is not None:
            return
        (low, high), is_whole = self._from, np.array_equal(inputs, np.rint(inputs))
        if is_whole and high - low > 1:
            return
        values = "all values between are rounded to one of them" if high - low <= 1 else (
            "the values between whole numbers are rounded")
        raise EndpointError(
            f"`input_range` must be given for a model that takes {self._dtype}, such as "
            f"{_USUAL.get(self._dtype.name, '0,255')}. Received: none, for data from {low:g} to "
            f"{high:g}: {values}. If the model does expect the data as they are, give "
            f"{low:g},{high:g}")

    def merged(self, inputs: np.ndarray) -> int:
        """Returns how many of the distinct rows are equal to others once they are prepared."""
        return len(_distinct(inputs)) - len(_distinct(self(inputs)))


def _limits(dtype):
    """The lowest and the highest value that a dtype holds, as floats."""
    if dtype.kind == "b":
        return 0.0, 1.0
    if dtype.kind not in "iuf":  # bfloat16, whose range is that of the data.
        return -math.inf, math.inf
    limits = np.finfo(dtype) if dtype.kind == "f" else np.iinfo(dtype)
    return float(limits.min), float(limits.max)


def _given(model_range):
    return "the data's " if model_range is None else ""


def _distinct(inputs):
    return set(map(digest, inputs))


def _fitting(shape, wanted):
    if wanted is None or (len(wanted) == len(shape) and
                          all(there in (None, size) for there, size in zip(wanted, shape))):
        return shape
    if None not in wanted and math.prod(wanted) == math.prod(shape):
        return wanted
    raise EndpointError(f"The endpoint takes inputs of shape {wanted}, and the data set must fit. "
                        f"Received: inputs of shape {shape}")
