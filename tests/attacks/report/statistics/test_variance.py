"""Means with crossed random factors, against the formulas and against draws of known variance."""
import math

import numpy as np
import pytest
from scipy import stats

from attacks.report.statistics.variance import crossed_mean
from attacks.report.statistics.variance import Estimate


@pytest.mark.parametrize("differences", [[-0.2, -0.1, -0.15], [-0.2, -0.1], [-0.25] * 3, [0.0] * 3])
def test_one_factor_makes_students_interval(differences):
    values = np.array(differences)
    error = stats.t.ppf(0.975, len(values) - 1) * stats.sem(values)
    found = crossed_mean(values, ["seeds"]).interval()
    assert found == pytest.approx((values.mean() - error, values.mean() + error), abs=1e-12)


@pytest.mark.parametrize("shape, factors", [((1,), ["seeds"]), ((1, 1), ["victims", "seeds"])])
def test_a_single_value_has_no_interval(shape, factors):
    found = crossed_mean(np.full(shape, 0.5), factors)
    assert found.mean == 0.5 and found.variance is None and found.interval() is None


def test_a_factor_of_one_member_changes_nothing():
    values = np.random.default_rng(0).random((3, 20))
    one = crossed_mean(values, ["seeds", "rows"])
    assert crossed_mean(values[np.newaxis], ["victims", "seeds", "rows"]) == one


def test_two_factors_make_the_textbooks_estimate():
    """MS_1 + MS_2 - MS_12 over all values, with the degrees of MS_1 and of the rest."""
    values = np.random.default_rng(1).random((4, 50)) + np.linspace(0, 4, 50)
    values += [[0], [0.1], [0.3], [0.4]]
    rows, columns = values.shape
    total, first, second = values.mean(), values.mean(axis=1), values.mean(axis=0)
    residual = values - first[:, np.newaxis] - second + total
    squares = np.array([
        columns * np.sum((first - total)**2) / (rows - 1), rows * np.sum(
            (second - total)**2) / (columns - 1),
        np.sum(residual**2) / ((rows - 1) * (columns - 1))
    ])
    degrees = np.array([rows - 1, columns - 1, (rows - 1) * (columns - 1)])
    summed = squares @ [1, 1, -1]
    found = crossed_mean(values, ["seeds", "rows"])
    assert found.variance == pytest.approx(summed / values.size)
    satterthwaite = summed**2 / np.sum(squares**2 / degrees)
    rest = squares[1] - squares[2]
    degrees_rest = max(columns - 1, rest**2 / np.sum(squares[1:]**2 / degrees[1:]))
    expected = summed / (squares[0] / degrees[0] + rest / degrees_rest)
    assert found.degrees == pytest.approx(expected) and expected < satterthwaite
    assert found.parts["rows"] == pytest.approx((squares[1] - squares[2]) / values.size)
    assert found.parts["rows"] > found.parts["seeds"]


def test_an_estimate_is_never_below_that_of_a_single_factor():
    """Rows that disagree with one another would make the difference of mean squares negative."""
    values = np.array([[0.0, 1.0], [1.0, 0.0], [0.9, 0.0]])
    found = crossed_mean(values, ["seeds", "rows"])
    single = crossed_mean(values.mean(axis=1), ["seeds"])
    assert found.variance >= single.variance - 1e-15
    assert 0 < found.degrees


@pytest.mark.parametrize("shape, factors", [((3, 200), ["seeds", "rows"]),
                                            ((3, 3, 200), ["victims", "seeds", "rows"])])
def test_rows_that_are_all_alike_do_not_blow_up_the_interval(shape, factors):
    """The mean squares that tell of rows then cancel, and with them their degrees of freedom."""
    rng = np.random.default_rng(0)
    for _ in range(300):
        values = 0.3 * rng.standard_normal(shape)
        values += 0.02 * rng.standard_normal(shape[-2:-1])[:, np.newaxis]
        estimate = crossed_mean(values, factors)
        low, high = estimate.interval()
        assert estimate.degrees > (shape[-2] - 1) / 3 and high - low < 2


@pytest.mark.parametrize("fraction, rows", [(0.5, 100), (0.9, 50), (1.0, 20), (0.0, 20)])
def test_rows_alone_make_wilsons_interval(fraction, rows):
    values = np.arange(rows) < round(fraction * rows)
    low, high = crossed_mean(values, ["rows"]).fraction_interval(rows)
    expected = stats.binomtest(int(values.sum()), rows).proportion_ci(0.95, method="wilson")
    assert (low, high) == pytest.approx((expected.low, expected.high), abs=0.006)
    assert 0 <= low <= fraction + 1e-12 and fraction - 1e-12 <= high <= 1


def test_the_interval_of_a_difference_stays_where_differences_of_fractions_are():
    """With two seeds and many comparisons, Student's reaches far beyond."""
    estimate = crossed_mean(np.array([-0.3, 0.2]), ["seeds"])
    low, high = estimate.interval(0.999)
    assert low < -1 and high > 1
    assert estimate.difference_interval(0.999) == (-1.0, 1.0)
    assert estimate.difference_interval(0.5) == estimate.interval(0.5)
    assert crossed_mean(np.ones((1, 1)), ["seeds", "rows"]).difference_interval() is None


def test_an_interval_for_more_comparisons_is_wider():
    estimate = crossed_mean(np.array([0.5, 0.6, 0.7]), ["seeds"])
    for find in (estimate.interval, lambda confidence: estimate.fraction_interval(90, confidence)):
        (low, high), (low_all, high_all) = find(0.95), find(1 - 0.05 / 9)
        assert low_all < low < high < high_all


@pytest.mark.parametrize("variance, degrees", [(None, math.inf), (0.01, 2.0)])
def test_an_independent_factor_adds_its_variance(variance, degrees):
    known = Estimate(0.5, variance, degrees, {})
    found = known.plus("rows", 0.02, 100.0)
    terms = [(0.02, 100.0), (variance or 0.0, degrees)]
    summed = sum(term for term, _ in terms)
    assert found.variance == pytest.approx(summed) and found.parts == {"rows": 0.02}
    assert found.degrees == pytest.approx(summed / sum(t / d for t, d in terms))


# Clones of digits (labels, 50 and 200 queries, three victims of one split, five seeds, 359 rows) as
# a probit model: a clone agrees on a row where a normal variable with these standard deviations and
# this mean is above 0. Equal seeds err on equal rows, because they have equal queries.
MEASURED = {
    50: dict(mean=0.885, victims=0.02, seeds=0.157, both=0.02, rows=0.67, victims_rows=0.2,
             seeds_rows=0.66, rest=0.15),
    200: dict(mean=1.44, victims=0.033, seeds=0.057, both=0.05, rows=0.82, victims_rows=0.18,
              seeds_rows=0.5, rest=0.2),
}  # yapf: disable
AXES = {"victims": (0,), "seeds": (1,), "both": (0, 1), "rows": (2,), "victims_rows": (0, 2),
        "seeds_rows": (1, 2), "rest": (0, 1, 2)}  # yapf: disable
FACTORS = ("victims", "seeds", "rows")
# Victims, the thief's seeds and test rows. One member of a factor is not drawn anew.
DESIGNS = [(1, 3, 359), (1, 5, 359), (3, 3, 359), (5, 3, 359), (5, 1, 359), (1, 3, 2000)]


class Draws:
    """Agreements `[victims, seeds, rows]` of two thieves who have half of all variance in common.

    Args:
        queries: The queries of the measured clones.
        shape: The design.
    """

    def __init__(self, queries, shape):
        self._spread, self._shape = dict(MEASURED[queries]), shape
        self._mean = self._spread.pop("mean")
        for name, axes in AXES.items():
            if all(shape[axis] == 1 for axis in axes):  # The same in every draw: estimated, too.
                self._spread[name] = 0.0
        self._deviation = math.sqrt(sum(value**2 for value in self._spread.values()))

    def true(self, shift=0.0):
        """The fraction of rows on which such a clone agrees."""
        return stats.norm.cdf((self._mean + shift) / self._deviation)

    def draw(self, rng, shift):
        common, *own = (self._latent(rng) for _ in range(3))
        first, second = (math.sqrt(0.5) * (common + one) for one in own)
        return first + self._mean > 0, second + self._mean + shift > 0

    def _latent(self, rng):
        return sum(value * rng.standard_normal([self._shape[axis] if axis in AXES[name] else 1
                                                for axis in range(3)], np.float32)
                   for name, value in self._spread.items())  # yapf: disable


def test_rows_count_where_their_interaction_with_seeds_cancels_them():
    """Both seeds have one mean, and their interaction with the rows cancels the rows' own part."""
    values = np.array([[1.0, 0.0, 1.0, 0.0], [0.0, 1.0, 1.0, 0.0]])
    rows = values.mean(axis=0)
    of_rows = stats.sem(rows)**2
    for arranged, factors in ((values, ["seeds", "rows"]), (values.T, ["rows", "seeds"])):
        assert crossed_mean(arranged, factors).variance == pytest.approx(of_rows)


def coverage(queries, shape, count, shift=-0.3):
    """How often the interval of a level, and that of a paired difference, hold the true one."""
    draws, rng, held = Draws(queries, shape), np.random.default_rng(0), np.zeros(2)
    truths = draws.true(), draws.true(shift) - draws.true()
    for _ in range(count):
        first, second = draws.draw(rng, shift)
        level = crossed_mean(first, FACTORS).fraction_interval(shape[-1])
        difference = crossed_mean(second.astype(np.int8) - first, FACTORS).interval()
        held += [low <= true <= high for true, (low, high) in zip(truths, (level, difference))]
    return held / count


@pytest.mark.slow
@pytest.mark.parametrize("shape", DESIGNS, ids=str)
@pytest.mark.parametrize("queries", MEASURED)
def test_intervals_hold_the_truth_in_93_to_97_percent_of_draws(queries, shape):
    level, difference = coverage(queries, shape, 2000)
    assert 0.93 <= level <= 0.97 and 0.93 <= difference <= 0.97


@pytest.mark.slow
@pytest.mark.parametrize("mean, spread", [(0.9, 0.15), (0.9, 0.02), (1.4, 0.06)])
@pytest.mark.parametrize("count", [3, 5])
def test_replicates_drawn_anew_make_intervals_that_hold_the_truth(count, mean, spread):
    """Each has a split, a victim and test rows of its own."""
    rng, held = np.random.default_rng(0), 0
    true = stats.norm.cdf(mean / math.sqrt(1 + spread**2))
    for _ in range(2000):
        levels = stats.norm.cdf(mean + spread * rng.standard_normal(count))
        found = crossed_mean(rng.binomial(359, levels) / 359, ["splits"])
        low, high = found.fraction_interval(359)
        held += low <= true <= high
    assert 0.93 <= held / 2000 <= 0.97


def test_intervals_hold_the_truth_about_as_often_as_they_say():
    assert np.all(np.abs(coverage(50, (3, 3, 200), 250) - 0.95) < 0.045)


def test_an_interval_over_rows_alone_holds_the_truth_far_less_often():
    """As Wilson's interval did, which does not know that seeds differ."""
    draws, rng, held = Draws(50, (1, 3, 359)), np.random.default_rng(0), 0
    for _ in range(250):
        fraction = draws.draw(rng, 0)[0].mean()
        found = stats.binomtest(round(359 * fraction), 359).proportion_ci(0.95, method="wilson")
        held += found.low <= draws.true() <= found.high
    assert held / 250 < 0.85
