"""The ranges of values that the inputs of a model can hold."""
import math

import numpy as np

Range = tuple[float, float]
# Ranges that models of a dtype usually expect.
_USUAL = {"bool": "0,1", "int8": "-128,127"}


def limits(dtype: np.dtype) -> Range:
    """Returns the lowest and the highest value that a dtype holds."""
    if dtype.kind == "b":
        return 0.0, 1.0
    if dtype.kind not in "iuf":  # bfloat16, whose range is that of the data.
        return -math.inf, math.inf
    found = np.finfo(dtype) if dtype.kind == "f" else np.iinfo(dtype)
    return float(found.min), float(found.max)


def to_range(inputs: np.ndarray, data_range: Range, model_range: Range) -> np.ndarray:
    """Maps each value x of [a, b] to low + (x - a) (high - low) / (b - a), in float64."""
    (a, b), (low, high) = data_range, model_range
    return low + (np.asarray(inputs, np.float64) - a) * ((high - low) / (b - a))


def to_dtype(inputs: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Returns inputs in a dtype: integers and booleans are rounded and clipped to its limits."""
    if dtype.kind in "iub":
        inputs = np.clip(np.rint(inputs), *limits(dtype))
    return inputs.astype(dtype)


def check_range(name: str, model_range: Range | None, data_range: Range, dtype: np.dtype) -> None:
    """Checks that a dtype holds the range of a model's inputs, and that one is given if need be.

    Args:
        name: The name of the argument, for messages.
        model_range: The range of the model, or `None` if it takes the data as they are.
        data_range: The range of the data.
        dtype: The dtype of the model's inputs.

    Raises:
        ValueError: If values would be cut off; or if the dtype is of integers or booleans, no range
            is given, and the data are in a range of 1 or do not end at whole numbers, so that
            rounding would lose most of the differences between them.
    """
    (low, high), (least, most) = model_range or data_range, limits(dtype)
    if low < least or high > most:
        raise ValueError(
            f"`{name}` must be within what {dtype} holds, {least:g} to {most:g}. Received: "
            f"{'' if model_range else 'none, and data from '}{low:g},{high:g}; values outside of "
            "what it holds would be cut off")
    is_whole = low == round(low) and high == round(high)
    if dtype.kind in "iub" and model_range is None and not (is_whole and high - low > 1):
        raise ValueError(missing(name, data_range, dtype))


def missing(name: str, data_range: Range, dtype: np.dtype) -> str:
    """Returns an error message: a range must be given, since rounding would lose too much."""
    low, high = data_range
    return (
        f"`{name}` must be given for a model that takes {dtype}, such as "
        f"{_USUAL.get(dtype.name, '0,255')}. Received: none, for data from {low:g} to {high:g}, "
        "whose values between whole numbers are rounded. If the model does expect the data as "
        f"they are, give {low:g},{high:g}")
