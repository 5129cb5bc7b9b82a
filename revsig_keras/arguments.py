"""What counts as a number among arguments: NumPy's as well as Python's, and no booleans."""
import numbers
from typing import Any


def is_real(value: Any) -> bool:
    """Whether `value` is a real number."""
    return isinstance(value, numbers.Real) and not isinstance(value, bool)


def is_integer(value: Any) -> bool:
    """Whether `value` is an integer."""
    return isinstance(value, numbers.Integral) and not isinstance(value, bool)
