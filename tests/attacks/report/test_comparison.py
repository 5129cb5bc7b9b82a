"""Differences and query multipliers, against ones made by hand."""
import csv

import numpy as np
import pytest
from scipy import stats

from attacks.report import comparison
from tests.attacks.result_rows import row
from tests.attacks.result_rows import ROWS


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
    found = comparison.query_multiplier([10, 20, 40], undefended, defended, budget)
    assert found == (pytest.approx(expected[0]), expected[1])


def test_a_single_budget_compares_too():
    assert comparison.query_multiplier([10], [0.5], [0.4], 10) == (1, ">")
    assert comparison.query_multiplier([10], [0.5], [0.5], 10) == (1, "=")
    assert comparison.query_multiplier([10], [0.5], [0.6], 10) == (1, "<")


def test_the_interval_is_students_of_the_paired_differences():
    """As SciPy's paired t-test has it; far narrower than that of unpaired samples."""
    rng = np.random.default_rng(0)
    undefended = rng.random(5)
    defended = undefended - 0.2 + 0.01 * rng.random(5)
    test = stats.ttest_rel(defended, undefended).confidence_interval(0.95)
    centre, low, high = comparison.difference(list(undefended), list(defended))
    assert centre == pytest.approx(np.mean(defended - undefended))
    assert (low, high) == (pytest.approx(test.low), pytest.approx(test.high))
    assert high - low < 0.02
    assert comparison.difference([0.5], [0.25]) == (-0.25, None, None)


def test_naive_is_compared_with_naive_and_strongest_with_strongest(tmp_path):
    comparison.write(ROWS, tmp_path)
    with open(tmp_path / "comparisons.csv", newline="") as file:
        lines = list(csv.DictReader(file))
    assert tuple(lines[0]) == comparison.COLUMNS
    found = {
        (line["thief"], line["budget"]): (line["undefended_by"], line["defended_by"],
                                          round(float(line["difference"]), 3)) for line in lines
    }
    naive, labels = "probabilities, sample", "labels, sample"
    assert found == {
        ("naive, sample", "100"): (naive, naive, -0.2),
        ("naive, sample", "200"): (naive, naive, -0.5),
        ("strongest", "100"): (naive, labels, -0.1),
        ("strongest", "200"): (naive, labels, -0.1),
    }


def test_only_what_both_sides_have_is_compared():
    rows = [row("none", "probabilities", 10, seed, 0.1 * seed) for seed in (1, 2, 9)]
    rows += [row("rs", "probabilities", budget, 2, 0.1) for budget in (10, 20)]
    naive, = (found for found in comparison.comparisons(rows) if found["thief"] != "strongest")
    assert (naive["budget"], naive["seeds"]) == (10, 1)
    assert naive["agreement_undefended"] == pytest.approx(0.2)


def test_without_an_undefended_victim_there_is_nothing_to_compare():
    rows = [row("rs", "probabilities", 10, 0, 0.1)]
    assert comparison.comparisons(rows) == [] and comparison.text(rows) == ""
