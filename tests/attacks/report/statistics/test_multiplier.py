"""Query multipliers and their intervals, against ones made by hand."""
import numpy as np
import pytest
from scipy import stats

from attacks.report.statistics import multiplier
from attacks.report.statistics.multiplier import multiplier_intervals
from attacks.report.statistics.multiplier import query_multiplier
from attacks.report.statistics.multiplier import says_nothing


@pytest.mark.parametrize(
    "undefended, defended, budget, expected",
    [
        ([0.5, 0.7, 0.8], [0.3, 0.5, 0.7], 10, (2, "=")),
        ([0.5, 0.7, 0.8], [0.3, 0.5, 0.7], 40, (1, ">")),
        ([0.5, 0.7, 0.8], [0.1, 0.2, 0.3], 10, (4, ">")),
        ([0.5, 0.7, 0.8], [0.5, 0.7, 0.8], 20, (1, "=")),
        ([0.5, 0.7, 0.8], [0.5, 0.7, 0.8], 10, (1, "=")),
        # Half of the way between 20 and 40, in logarithms.
        ([0.5, 0.7, 0.8], [0.1, 0.4, 0.6], 10, (20 * 2**0.5 / 10, "=")),
        ([0.1, 0.2, 0.3], [0.5, 0.7, 0.8], 40, (0.25, "<")),
        # What is not monotone is averaged first: .4, .4, .8 and .6, .6, .6.
        ([0.4, 0.4, 0.8], [0.7, 0.5, 0.6], 40, (1, ">")),
        ([0.3, 0.6, 0.6], [0.7, 0.5, 0.6], 40, (0.5, "=")),
        # On a plateau both are at their first crossing: equal curves make 1, not less.
        ([0.8, 0.95, 0.94], [0.8, 0.95, 0.94], 40, (1, "=")),
        ([0.8, 0.8, 0.9], [0.8, 0.8, 0.9], 20, (1, "=")),
        ([0.2, 0.5, 0.5], [0.1, 0.3, 0.5], 40, (2, "=")),
        ([0.5, 0.7, 0.8], [0.6, 0.8, 0.9], 10, (1, "<")),
    ])
def test_the_multiplier_is_at_the_first_crossing_of_monotone_curves(undefended, defended, budget,
                                                                    expected):
    found = query_multiplier([10, 20, 40], undefended, defended, budget)
    assert found == (pytest.approx(expected[0]), expected[1])


@pytest.mark.parametrize("defended, bound", [(0.4, ">"), (0.5, "="), (0.6, "<")])
def test_a_single_budget_compares_too(defended, bound):
    assert query_multiplier([10], [0.5], [defended], 10) == (1, bound)


@pytest.mark.parametrize("multiplier, bound, nothing", [
    (1.0, ">", True),
    (1 + 1e-12, ">", True),
    (2.0, ">", False),
    (1.0, "=", False),
    (1.0, "<", True),
    (1 - 1e-12, "<", True),
    (0.5, "<", False),
])
def test_more_or_less_than_one_says_nothing(multiplier, bound, nothing):
    """The largest budget has no larger one to need, and the smallest no smaller one."""
    assert says_nothing(multiplier, bound) is nothing


CURVES = np.array([[0.5, 0.7, 0.8]])
NOISE = 0.02 * np.random.default_rng(0).normal(size=(8, 3))


def test_equal_replicates_make_an_interval_without_a_width():
    curves = np.repeat(CURVES, 4, axis=0)
    for low, high in multiplier_intervals([10, 20, 40], curves, curves):
        assert low == pytest.approx(1) and high == pytest.approx(1)


def test_an_interval_holds_the_multiplier_and_an_end_without_a_bound_is_none():
    undefended, defended = CURVES + NOISE, CURVES - 0.1 + NOISE[::-1]
    means = [list(curves.mean(axis=0)) for curves in (undefended, defended)]
    found = multiplier_intervals([10, 20, 40], undefended, defended)
    for budget, (low, high) in zip((10, 20, 40), found):
        value, _ = query_multiplier([10, 20, 40], *means, budget)
        assert low <= value and (high is None or value <= high)
    assert found[0][1] is not None and found[2][1] is None
    assert multiplier_intervals([10, 20, 40], undefended, defended) == found


@pytest.mark.parametrize("count", [2, 3, 8])
def test_few_replicates_make_students_width(count):
    """Straight curves: the multiplier is exp(difference / slope), so its interval is known."""
    budgets = [10, 100, 1000, 10000]
    undefended = np.repeat([[0.2, 0.4, 0.6, 0.8]], count, axis=0)
    shifts = 0.1 + 0.005 * np.random.default_rng(1).normal(size=count)
    low, high = multiplier_intervals(budgets, undefended, undefended - shifts[:, np.newaxis])[1]
    centre, error = shifts.mean(), stats.sem(shifts)
    width = stats.t.ppf(0.975, count - 1) * error
    found = np.log10([low, high]) * 0.2
    assert found == pytest.approx([centre - width, centre + width], abs=0.35 * width)


@pytest.mark.slow
@pytest.mark.parametrize("count, least", [(2, 0.7), (3, 0.9)])
@pytest.mark.parametrize("varies", [5, 1])
def test_intervals_of_three_replicates_cover_and_of_two_less(count, least, varies, monkeypatch):
    """The points of a curve vary independently, or all alike."""
    monkeypatch.setattr(multiplier, "_RESAMPLES", 200)
    budgets, level = [25, 50, 100, 200, 400], np.array([0.5, 0.62, 0.74, 0.86, 0.92])
    rng, covered = np.random.default_rng(1), []
    for _ in range(200):
        curves = level + 0.03 * rng.normal(size=(2, count, varies))
        intervals = multiplier_intervals(budgets, curves[0], curves[1] - 0.12)
        covered.append([low is None or low <= 2 <= (high or np.inf) for low, high in intervals[:3]])
    assert np.all(np.mean(covered, axis=0) > least)
    assert np.mean(covered) < 0.9 or count > 2 or varies == 1
