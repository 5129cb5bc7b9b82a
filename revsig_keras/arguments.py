"""Checks of arguments: one rule and one wording for the whole project.

Numbers of NumPy count as numbers, and booleans do not.
"""
from collections.abc import Iterable, Sequence
import numbers
from typing import Any


def is_real(value: Any) -> bool:
    """Whether `value` is a real number."""
    return isinstance(value, numbers.Real) and not isinstance(value, bool)


def is_integer(value: Any) -> bool:
    """Whether `value` is an integer."""
    return isinstance(value, numbers.Integral) and not isinstance(value, bool)


def check_integer(name: str,
                  value: Any,
                  least: int | None = None,
                  most: int | None = None,
                  reason: str = "") -> int:
    """Checks an argument that must be an integer.

    >>> check_integer("k", 0, least=1)
    Traceback (most recent call last):
    ValueError: `k` must be an integer of 1 or more. Received: k=0

    Args:
        name: String, the name of the argument.
        value: The value received.
        least: Integer, the smallest value allowed. Defaults to `None`, no limit.
        most: Integer, the largest value allowed; needs `least`. Defaults to `None`, no limit.
        reason: String, why the value is limited, for the message. Defaults to `""`.

    Returns:
        The value as a Python integer.
    """
    if is_integer(value) and (least is None or value >= least) and (most is None or value <= most):
        return int(value)
    limits = "" if least is None else f" of {least} or more"
    if most is not None:
        limits = f" from {least} to {most}"
    reason = f": {reason}" if reason else ""
    raise ValueError(f"`{name}` must be an integer{limits}{reason}. Received: {name}={value!r}")


def check_boolean(name: str, value: Any) -> bool:
    """Checks an argument that must be `True` or `False`, and returns it."""
    if isinstance(value, bool):
        return value
    raise ValueError(f"`{name}` must be a boolean. Received: {name}={value!r}")


def check_names(name: str, value: Any) -> tuple[str, ...]:
    """Checks an argument that is one string or several, such as names, and returns all of them.

    >>> check_names("allow_outputs", "logits")
    ('logits',)
    """
    names = (value,) if isinstance(value, str) else value
    if isinstance(names, Iterable):
        names = tuple(names)
        if all(isinstance(each, str) for each in names):
            return names
    raise ValueError(f"`{name}` must be a string or several. Received: {name}={value!r}")


def parse_range(name: str, texts: Sequence[str]) -> tuple[float, float]:
    """Makes a range of two texts; whether it is one is checked where it is used.

    Args:
        name: String, the name of the argument.
        texts: The lowest and the highest value, as text.
    """
    try:
        low, high = map(float, texts)
    except ValueError:
        raise ValueError(f"`{name}` must be LOWEST,HIGHEST, two numbers. "
                         f"Received: {','.join(texts)}") from None
    return low, high
