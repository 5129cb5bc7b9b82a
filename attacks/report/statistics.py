"""Means, intervals, and the query multiplier."""

from collections.abc import Iterable
import math
from typing import NamedTuple
import warnings

import numpy as np
from scipy import stats

# Two fitted agreements that differ by less are the same, to rounding.
_ROUNDING = 1e-9


class Difference(NamedTuple):
    """A mean difference and its 95% interval, whose ends are None for a single pair."""
    mean: float
    low: float | None
    high: float | None


def mean(values: Iterable[float]) -> float:
    """The mean, as a Python number."""
    return float(np.mean(list(values)))


def paired_difference(before: list[float], after: list[float]) -> Difference:
    """The mean of `after - before`, pair by pair, with Student's interval."""
    centre = mean(np.subtract(after, before))
    if len(before) < 2:
        return Difference(centre, None, None)
    with warnings.catch_warnings():
        # SciPy warns where all differences are nearly equal: the interval is then narrow.
        warnings.simplefilter("ignore", RuntimeWarning)
        interval = stats.ttest_rel(after, before).confidence_interval(0.95)
    return Difference(centre, float(interval.low), float(interval.high))


def wilson_interval(fraction: float, rows: int) -> tuple[float, float]:
    """The 95% interval of a fraction of so many rows (Wilson, 1927).

    A mean over seeds need not be a whole number of rows; it is rounded to one.
    """
    interval = stats.binomtest(round(fraction * rows), rows).proportion_ci(0.95, method="wilson")
    return float(interval.low), float(interval.high)


def query_multiplier(budgets: list[int], undefended: list[float], defended: list[float],
                     budget: int) -> tuple[float, str]:
    """How many times more queries the defended curve needs for the same agreement.

    Both curves are fitted by monotone (isotonic) ones over the logarithm of the budget, linear
    between the budgets. The multiplier is the first budget at which the defended curve reaches
    the undefended agreement of `budget`, divided by the first budget at which the undefended curve
    reaches it (less than `budget` on a plateau). Hence it is 1 everywhere for equal curves.

    >>> query_multiplier([10, 20, 40], [0.5, 0.7, 0.8], [0.3, 0.5, 0.7], 20)
    (2.0, '=')

    Args:
        budgets: Ascending.
        undefended: Agreements at these budgets.
        defended: Likewise.
        budget: One of `budgets`.

    Returns:
        The multiplier and `=`, or a bound: its value at the largest budget and `>` if the defended
        curve stays below the level; its value at the smallest budget and `<` if it starts above.
    """
    from sklearn.isotonic import IsotonicRegression  # Imported here, because it is slow.

    logs = np.log(budgets)
    fitted, reached = (
        IsotonicRegression().fit_transform(logs, curve) for curve in (undefended, defended))
    level = fitted[budgets.index(budget)]
    needed = _first_crossing(logs, fitted, level)
    if reached[-1] < level - _ROUNDING:
        return math.exp(logs[-1] - needed), ">"
    crossing = _first_crossing(logs, reached, level)
    bound = "<" if reached[0] > level + _ROUNDING else "="
    return math.exp(crossing - needed), bound


def _first_crossing(logs, curve, level):
    """The logarithm of the first budget at which a monotone curve, that reaches it, has a level."""
    first = int(np.argmax(curve >= level - _ROUNDING))
    if first == 0:
        return logs[0]
    low, high = curve[first - 1:first + 1]
    step = min(1.0, (level - low) / (high - low))
    return logs[first - 1] + step * (logs[first] - logs[first - 1])
