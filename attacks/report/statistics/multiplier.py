"""How many times more queries a thief needs for the same agreement."""

import math

import numpy as np
from scipy import stats
from scipy.optimize import isotonic_regression

# Two fitted agreements that differ by less are the same, to rounding.
_ROUNDING = 1e-9
_RESAMPLES = 1000


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
    return _multipliers(np.log(budgets), undefended, defended)[budgets.index(budget)]


def says_nothing(multiplier: float, bound: str) -> bool:
    """Whether a multiplier is the bound `>1` of the largest budget or `<1` of the smallest one.

    They tell no more than the sign of the difference: no larger or smaller budget was tried.
    """
    return bound in ("<", ">") and abs(multiplier - 1) <= _ROUNDING


def multiplier_intervals(budgets: list[int],
                         undefended: np.ndarray,
                         defended: np.ndarray,
                         confidence: float = 0.95) -> list[tuple[float | None, float | None]]:
    """The intervals of the query multipliers at all budgets, by resampling replicates.

    Replicates are drawn with replacement, the same for both victims and all budgets. Few replicates
    make the means of such draws vary too little, by sqrt((n - 1) / n), and say little about their
    own spread: hence the deviations from the mean curve are stretched by
    sqrt(n / (n - 1)) t / z, with the quantiles of Student's and the normal distribution.

    Args:
        budgets: Ascending.
        undefended: Agreements `[replicates, budgets]`, at least two replicates.
        defended: Likewise.
        confidence: The probability that each interval covers.

    Returns:
        Pairs of a lower and an upper end; `None` where the curves do not bound it.
    """
    count = len(undefended)
    t, z = (law.ppf((1 + confidence) / 2) for law in (stats.t(count - 1), stats.norm()))
    stretch = math.sqrt(count / (count - 1)) * t / z
    weights = np.random.default_rng(0).multinomial(count, [1 / count] * count, _RESAMPLES) / count
    sides = [
        mean + stretch * (weights @ curves - mean)
        for curves, mean in ((curves, curves.mean(axis=0)) for curves in (undefended, defended))
    ]
    logs = np.log(budgets)
    drawn = [_multipliers(logs, *curves) for curves in zip(*sides)]
    places = range(len(budgets))
    return [_ends([resample[place] for resample in drawn], confidence) for place in places]


def _ends(multipliers, confidence):
    """The ends of the interval of drawn multipliers; a bound is taken for all beyond it."""
    tail = 100 * (1 - confidence) / 2
    lows = [0.0 if bound == "<" else value for value, bound in multipliers]
    highs = [math.inf if bound == ">" else value for value, bound in multipliers]
    low = float(np.percentile(lows, tail, method="lower"))
    high = float(np.percentile(highs, 100 - tail, method="higher"))
    return low or None, None if math.isinf(high) else high


def _multipliers(logs, undefended, defended):
    """The multipliers at all budgets, with their bounds."""
    fitted, reached = (isotonic_regression(curve).x for curve in (undefended, defended))
    return [_multiplier(logs, fitted, reached, level) for level in fitted]


def _multiplier(logs, fitted, reached, level):
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
