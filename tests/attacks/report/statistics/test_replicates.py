"""Which factors vary between replicates, and what the intervals of their means cover."""
import numpy as np
import pytest
from scipy import stats

from attacks.report.statistics.per_row import PerRow
from attacks.report.statistics.replicates import drawn_together
from attacks.report.statistics.replicates import estimate_difference
from attacks.report.statistics.replicates import estimate_level
from attacks.report.statistics.replicates import paired
from attacks.report.statistics.variance import crossed_mean
from tests.attacks.report.made_up import per_row
from tests.attacks.report.made_up import row

RNG = np.random.default_rng(0)
BITS = RNG.random((12, 80)) < 0.8


def replicates(*triples):
    """Rows of one thief, each of a split, a victim and a seed, and what they agree on."""
    rows = [
        row("rs", "labels", 10, seed, float(bits.mean()), split_seed=split,
            victim_fingerprint=victim, evaluated_rows=80)
        for (split, victim, seed), bits in zip(triples, BITS)
    ]  # yapf: disable
    return rows, BITS[:len(rows)]


ONE_VICTIM = [(0, "v", seed) for seed in range(3)]
CROSSED = [(0, victim, seed) for victim in "vw" for seed in range(3)]
UNEQUAL = [(0, "v", 0), (0, "v", 1), (0, "w", 2), (0, "x", 3)]
SPLITS = [(split, f"v{split}", seed) for split in range(3) for seed in range(2)]


@pytest.mark.parametrize("triples, shape, factors, leaves_out", [
    ([(0, "v", 0)], (1,), ["seeds"], ("victims", "seeds")),
    (ONE_VICTIM, (3,), ["seeds"], ("victims",)),
    (CROSSED, (2, 3), ["victims", "seeds"], ()),
    ([(0, victim, 0) for victim in "vwx"], (3,), ["victims"], ("seeds",)),
    ([(0, victim, seed) for seed, victim in enumerate("vwx")], (3,), ["victims"], ()),
    (SPLITS, (3, 2), ["splits", "within"], ()),
], ids=["one", "seeds", "crossed", "victims", "all anew", "splits"])  # yapf: disable
@pytest.mark.parametrize("is_known", [True, False])
def test_the_factors_are_those_that_vary(triples, shape, factors, leaves_out, is_known):
    rows, bits = replicates(*triples)
    found = estimate_level(rows, per_row(rows, bits) if is_known else PerRow())
    values = bits.reshape(*shape, -1).astype(float)
    if "within" in factors:
        values, factors = values.mean(axis=1), factors[:1]
    if is_known:
        expected = crossed_mean(values, [*factors, "rows"])
        assert found.estimate.degrees == pytest.approx(expected.degrees)
    else:
        expected = crossed_mean(values.mean(axis=-1), factors)
        binomial = expected.mean * (1 - expected.mean) / 80
        expected = expected.plus("rows", binomial, 80)
    assert found.mean == pytest.approx(bits.mean())
    assert found.estimate.variance == pytest.approx(expected.variance)
    assert found.leaves_out == leaves_out
    assert (found.rows, found.is_by_row) == (80, is_known)


def test_victims_with_seeds_of_their_own_are_means_and_count_by_their_seeds():
    """The mean is that of all replicates, as tables have it."""
    rows, bits = replicates(*UNEQUAL)
    means, mean = np.stack([bits[:2].mean(axis=0), bits[2], bits[3]]), bits.mean(axis=0)
    weighted = mean + np.array([[2], [1], [1]]) * 3 / 4 * (means - mean)
    expected = crossed_mean(weighted, ["victims", "rows"])
    found = estimate_level(rows, per_row(rows, bits))
    assert found.estimate.variance == pytest.approx(expected.variance)
    assert (found.victims, found.seeds) == (3, 2)
    assert found.mean == pytest.approx(bits.mean()) == expected.mean
    alone = estimate_level(rows, PerRow()).estimate
    plain = np.array([row["agreement_clean"] for row in rows])
    means, weights = np.array([plain[:2].mean(), *plain[2:]]), np.array([2, 1, 1])
    ratio = np.sum((weights * (means - plain.mean()))**2) / 2 * 3 / 16
    assert alone.variance - alone.parts["rows"] == pytest.approx(ratio)


def test_seeds_that_all_victims_share_are_a_factor_of_their_own():
    """Equal seeds have equal queries: averaged over them, victims look alike and seeds vanish."""
    by_seed = RNG.random((3, 1)) + np.linspace(-0.5, 0.5, 80)
    bits = np.tile(by_seed > 0.2, (2, 1))
    rows, _ = replicates(*CROSSED)
    found = estimate_level(rows, per_row(rows, bits)).estimate
    nested = crossed_mean(bits.reshape(2, 3, 80).mean(axis=1), ["victims", "rows"])
    assert found.variance > 1.5 * nested.variance
    assert found.parts["seeds"] > 0 and found.parts["victims"] == pytest.approx(0)


def test_rows_of_each_splits_own_are_drawn_anew_with_it():
    rows, bits = replicates(*SPLITS)
    digests = [f"t{split}" for split, _, _ in SPLITS]
    known = per_row(rows, bits, digests)
    means = bits.mean(axis=1).reshape(3, 2).mean(axis=1)
    for found, expected in (
        (estimate_level(rows, known), means),
        (estimate_difference(rows, rows[::-1], known), means[::-1] - means),
    ):  # yapf: disable
        assert found.estimate.variance == pytest.approx(stats.sem(expected)**2)
        assert found.estimate.degrees == pytest.approx(2) and found.leaves_out == ()


@pytest.mark.parametrize("triples", [[(0, "v", 0)], ONE_VICTIM, CROSSED])
@pytest.mark.parametrize("bits", [BITS, BITS | True], ids=["some", "all agree"])
def test_test_rows_of_one_group_tell_no_more_than_one_row(triples, bits):
    """Four copies of each row give the interval of one."""
    rows, _ = replicates(*triples)
    copies = np.random.default_rng(0).permutation(np.repeat(np.arange(80), 4))
    each, bits = [{**row, "evaluated_rows": 320} for row in rows], bits[:len(rows)]
    known = per_row(rows, bits), per_row(each, bits[:, copies], groups=copies)
    once, again = map(estimate_level, (rows, each), known)
    assert again.fraction_interval() == pytest.approx(once.fraction_interval())
    assert (again.rows, again.groups, once.groups) == (320, 80, 80)
    differences = [
        estimate_difference(mine, mine[::-1], per_row).estimate.difference_interval()
        for mine, per_row in zip((rows, each), known)
    ]
    assert differences[0] == pytest.approx(differences[1])


def test_groups_of_test_rows_count_by_their_size():
    """The mean is that of the rows, and its variance that of a ratio."""
    rows, _ = replicates((0, "v", 0))
    groups = np.random.default_rng(0).integers(20, size=80)
    found = estimate_level(rows, per_row(rows, BITS[:1], groups=groups)).estimate
    sums, count = np.bincount(groups, BITS[0] - BITS[0].mean()), len(set(groups))
    assert found.mean == pytest.approx(BITS[0].mean())
    assert found.variance == pytest.approx(np.sum(sums**2) / 80**2 * count / (count - 1))


def test_a_difference_is_paired_by_replicate_and_by_row():
    """Two thieves err on nearly the same rows: their difference is known far better than each."""
    rows, bits = replicates(*ONE_VICTIM)
    others = [{**row, "agreement_clean": row["agreement_clean"] - 0.0125} for row in rows]
    worse = bits.copy()
    for one in worse:
        one[np.argmax(one)] = False
    known = per_row([*rows, *others], [*bits, *worse])
    found = estimate_difference(rows, others, known)
    assert found.estimate == crossed_mean(worse.astype(int) - bits, ["seeds", "rows"])
    assert found.mean == pytest.approx(-1 / 80)
    assert found.estimate.variance < estimate_level(rows, known).estimate.variance / 4


@pytest.mark.parametrize("is_known", [True, False])
@pytest.mark.parametrize("digests, expected", [("aa", (0.0, 0.0)), ("ab", None)])
def test_no_difference_is_certain_for_equal_clones_alone(digests, expected, is_known):
    """Different clones that happen to agree on equal rows may differ on others."""
    rows, bits = replicates(*ONE_VICTIM)
    before, after = ([{**row, "clone_digest": digest} for row in rows] for digest in digests)
    known = per_row([*before, *after], [*bits, *bits]) if is_known else PerRow()
    found = estimate_difference(before, after, known)
    assert found.mean == 0 and found.estimate.interval() == expected


def test_without_rows_a_difference_leaves_them_out():
    rows, _ = replicates(*ONE_VICTIM)
    found = estimate_difference(rows, rows[::-1], PerRow())
    assert found.leaves_out == ("victims", "rows") and found.estimate.degrees == 2


@pytest.mark.parametrize("triples, expected", [
    ([(0, "v", 0)], []),
    (ONE_VICTIM, [[[0], [1], [2]]]),
    (CROSSED, [[[0, 1, 2], [3, 4, 5]], [[0, 3], [1, 4], [2, 5]]]),
    (UNEQUAL, [[[0, 1], [2], [3]]]),
    (SPLITS, [[[0, 1], [2, 3], [4, 5]]]),
])
def test_replicates_are_resampled_by_what_is_drawn_together(triples, expected):
    assert drawn_together(replicates(*triples)[0]) == expected


def test_only_replicates_that_both_have_are_paired():
    """Two victims with one seed are two replicates."""
    before, _ = replicates((0, "v", 0), (0, "w", 0), (0, "w", 1))
    after, _ = replicates((0, "w", 1), (0, "v", 0), (1, "w", 0))
    for side in paired(before, after):
        assert [(row["victim_fingerprint"], row["seed"]) for row in side] == [("v", 0), ("w", 1)]


@pytest.mark.parametrize("names", [["t", "t", "u"], ["t", "t", None]])
def test_rows_that_some_cells_lack_are_unknown(names):
    rows, bits = replicates(*ONE_VICTIM)
    known = per_row(rows, bits, names)
    if None in names:
        known = PerRow()
    assert known.of(rows) is None and not known.are_of_other_rows(rows)
    assert not estimate_level(rows, known).is_by_row
