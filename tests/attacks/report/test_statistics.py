"""Intervals and query multipliers, against ones made by hand and against the formulas."""
import math

import numpy as np
import pytest
from scipy import stats

from attacks.report.statistics import paired_difference
from attacks.report.statistics import query_multiplier
from attacks.report.statistics import wilson_interval


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


@pytest.mark.parametrize("before, after", [
    ([0.5, 0.7, 0.8], [0.3, 0.6, 0.65]),
    ([0.5, 0.7], [0.3, 0.6]),
    ([0.5, 0.7, 0.8], [0.5, 0.7, 0.8]),
    ([0.5, 0.7, 0.8], [0.25, 0.45, 0.55]),
])
def test_the_interval_is_students_of_the_paired_differences(before, after):
    differences = np.subtract(after, before)
    error = stats.t.ppf(0.975, len(before) - 1) * stats.sem(differences)
    found = paired_difference(before, after)
    centre = differences.mean()
    assert found == pytest.approx((centre, centre - error, centre + error), abs=1e-12)


def test_a_single_pair_has_no_interval():
    assert paired_difference([0.5], [0.25]) == (-0.25, None, None)


@pytest.mark.parametrize("fraction, rows", [(0.5, 100), (0.9, 50), (1.0, 20), (0.0, 20),
                                            (0.35, 359)])
def test_wilsons_interval_is_that_of_the_formula_for_whole_rows(fraction, rows):
    low, high = wilson_interval(fraction, rows)
    assert 0 <= low <= fraction <= high <= 1
    z, share = stats.norm.ppf(0.975), round(fraction * rows) / rows
    centre = share + z**2 / (2 * rows)
    half = z * math.sqrt(share * (1 - share) / rows + (z / (2 * rows))**2)
    expected = np.array([centre - half, centre + half]) / (1 + z**2 / rows)
    assert (low, high) == pytest.approx(expected, abs=1e-12)


def test_more_rows_narrow_the_interval():
    low, high = wilson_interval(0.9, 50)
    narrower = wilson_interval(0.9, 200)
    assert low < narrower[0] < narrower[1] < high
