"""The measured claim, on rows whose verdict is known."""
import numpy as np
import pytest

from attacks.report.columns.columns import BOUNDED_LEAK
from attacks.report.leak.bounded_leak import bounded_leaks
from attacks.report.leak.bounded_leak import FAILS
from attacks.report.leak.bounded_leak import HOLDS
from attacks.report.leak.bounded_leak import LABELS_ARE_ENOUGH
from attacks.report.leak.bounded_leak import MARGIN
from attacks.report.leak.bounded_leak import UNDECIDED
from attacks.report.leak.bounded_leak_table import bounded_leak_table
from attacks.report.leak.coded_members import code_of
from attacks.report.rows.readers import reads_labels_alone
from attacks.report.statistics.per_row import PerRow
from attacks.report.statistics.ratio import ratio_interval
from tests.attacks.report.made_up import row

BUCKETS = "confidence_buckets:bits=3"
NOISE = np.random.default_rng(0).normal(size=(4, 20))
WORTH = {"none": {"probabilities": 0.05, "labels": 0.0}}


def rows_of(gains, count=20, noise=0.004, budget=100, **figures):
    """Rows of thieves that are so much better than labels; `gains` by defence and adversary."""
    figures = {"confidence_auroc_clean": 0.95, "confidence_auroc_defended": 0.949,
               "ece_clean": 0.02, "ece_decoded": 0.021, **figures}  # yapf: disable
    return [
        row(defence,
            adversary,
            budget,
            seed,
            0.8 + NOISE[0, seed] / 50 + gain + noise * NOISE[1 + place, seed],
            clone_digest=f"{defence} {adversary} {seed}",
            split_seed=seed,
            victim_fingerprint=f"{seed}",
            **{name: value + (seed % 2) * 1e-3 for name, value in figures.items()})
        for defence, thieves in {**WORTH, **gains}.items()
        for place, (adversary, gain) in enumerate(thieves.items())
        for seed in range(count)
    ]  # yapf: disable


def verdicts(rows):
    return [leak.verdict for leak in bounded_leaks(rows)]


@pytest.mark.parametrize("gains, options, expected", [
    ({"labels": 0, "bayes": 0, "aware": -0.1}, {}, HOLDS),
    ({"labels": 0, "bayes": 0.008, "aware": 0}, {"noise": 1e-4}, HOLDS),
    ({"labels": 0, "bayes": 0.03, "aware": 0}, {}, FAILS),
    ({"labels": 0, "bayes": 0.01}, {}, UNDECIDED),
    ({"labels": 0, "bayes": 0}, {"count": 4, "noise": 0.012}, UNDECIDED),
    ({"labels": 0, "bayes": 0}, {"count": 1}, UNDECIDED),
    ({"bayes": 0}, {}, UNDECIDED),
    ({"labels": 0}, {}, UNDECIDED),
    ({"labels": 0, "bayes": 0.03, "independent": 0.2}, {"confidence_auroc_defended": 0.5}, FAILS),
    ({"labels": 0, "bayes": 0}, {"confidence_auroc_defended": 0.9}, FAILS),
    ({"labels": 0, "bayes": 0}, {"ece_decoded": 0.05}, FAILS),
    ({"labels": 0, "bayes": 0}, {"ece_decoded": 0.001}, HOLDS),
    ({"labels": 0, "labels:smoothing=.1": 0.02, "bayes": 0.025}, {}, HOLDS),
    ({"labels": 0, "bayes": 0, "posterior_mean": 0.05}, {}, HOLDS),
    ({"labels": 0, "posterior_mean": 0}, {}, UNDECIDED),
    ({"labels": 0, "semi_supervised": 0.02, "semi_supervised:targets=probabilities": 0.02}, {},
     HOLDS),
], ids=["no gain", "a little", "much", "at the margin", "few", "one", "no labels", "no reader",
        "a control", "no ranking", "no calibration", "better calibration", "smoothed labels",
        "no thief", "no thief alone", "labels and the pool"])  # yapf: disable
def test_the_verdict(gains, options, expected):
    assert verdicts(rows_of({BUCKETS: gains}, **options)) == [expected]


@pytest.mark.parametrize("gain", [0, 0.03])
def test_missing_replicates_decide_nothing(gain):
    """Of the grid, or of one thief; whatever the others say."""
    rows = rows_of({BUCKETS: {"labels": 0, "bayes": gain}})
    leak, = bounded_leaks(rows, is_complete=False)
    assert leak.verdict == UNDECIDED and verdicts(rows) != [UNDECIDED]
    assert verdicts(rows[:-1]) == [UNDECIDED]


@pytest.mark.parametrize("gain", [-0.2, 0.2])
def test_one_replicate_decides_nothing_although_its_rows_are_known(gain):
    rows = rows_of({BUCKETS: {"labels": 0, "bayes": gain}}, count=1)
    rng = np.random.default_rng(0)
    for each in rows:
        each["evaluated_rows"] = 1000
    known = PerRow()
    known.of = lambda given: np.stack([rng.random(1000) < one["agreement_clean"] for one in given])
    leak, = bounded_leaks(rows, known)
    assert leak.verdict == UNDECIDED and leak.worst.mean is None


def test_a_failure_allows_for_the_number_of_bounds():
    leak, = bounded_leaks(rows_of({BUCKETS: {"labels": 0, "bayes": 0.0112, "aware": -0.1}}))
    assert leak.worst.low() > MARGIN and leak.verdict == UNDECIDED


def test_figures_that_are_unknown_decide_nothing():
    rows = rows_of({BUCKETS: {"labels": 0, "bayes": 0}})
    for each in rows:
        each["confidence_auroc_defended"] = None
    assert verdicts(rows) == [UNDECIDED]
    for each in rows[::3]:
        each["confidence_auroc_defended"] = 0.949
    assert verdicts(rows) == [HOLDS]


@pytest.mark.parametrize("undefended, expected", [
    ({"probabilities": 0.0101, "labels": 0}, LABELS_ARE_ENOUGH),
    ({"probabilities": -0.1, "labels": 0}, LABELS_ARE_ENOUGH),
    ({"labels": 0}, UNDECIDED),
    ({"probabilities": 0.1}, UNDECIDED),
    ({}, UNDECIDED),
], ids=["at the margin", "worse", "nothing else", "no labels", "nothing"])  # yapf: disable
def test_nothing_is_claimed_where_labels_are_enough_or_nothing_is_known(undefended, expected):
    rows = rows_of({"none": undefended, BUCKETS: {"labels": 0, "bayes": 0.5}})
    assert verdicts(rows) == [expected]


def test_each_budget_and_defence_has_a_verdict_and_only_coded_ones_have():
    gains = {"rounding": {"labels": 0}, BUCKETS: {"labels": 0, "bayes": 0},
             "decoy:bits=1": {"labels": 0, "bayes": 0.1}}  # yapf: disable
    rows = [each for budget in (200, 50) for each in rows_of(gains, budget=budget)]
    found = [(leak.budget, leak.defence, leak.verdict) for leak in bounded_leaks(rows)]
    assert found == [(50, BUCKETS, HOLDS), (50, "decoy:bits=1", FAILS), (200, BUCKETS, HOLDS),
                     (200, "decoy:bits=1", FAILS)]  # yapf: disable
    assert bounded_leaks(rows_of({"rounding": {"labels": 0}})) == []
    assert bounded_leak_table([]) == ""


def test_the_bounds_are_one_sided_students_and_paired():
    leak, = bounded_leaks(rows_of({BUCKETS: {"labels": 0, "bayes": 0.004}}))
    differences = 0.004 + 0.004 * (NOISE[2] - NOISE[1])
    margin = 1.7291 * differences.std(ddof=1) / np.sqrt(20)
    assert leak.strongest.mean == pytest.approx(differences.mean())
    assert leak.strongest.high() == pytest.approx(differences.mean() + margin, rel=1e-4)
    assert leak.strongest.low() == pytest.approx(differences.mean() - margin, rel=1e-4)
    described = leak.describe()
    assert list(described) == [column.name for column in BOUNDED_LEAK]
    assert described["gain_high_95"] == leak.strongest.high() and described["replicates"] == 20


def test_the_table_tells_the_fewest_and_the_most_bits():
    gains = {f"decoy:bits={bits}:decoys=1": {"labels": 0, "bayes": gain}
             for bits, gain in ((0, -0.02), (1, 0), (3, 0), (6, 0.1))}  # yapf: disable
    text = bounded_leak_table(bounded_leaks(rows_of(gains)))
    assert ("decoy:decoys=1 at 100 queries: the claim holds with 0 bits at the fewest and 3 at the "
            "most, of 0, 1, 3, 6 tried.") in text
    text = bounded_leak_table(bounded_leaks(rows_of({BUCKETS: {"labels": 0, "bayes": 0.1}})))
    assert "confidence_buckets at 100 queries: the claim is not shown to hold" in text
    rows = rows_of({"none": {"bayes": 0, "labels": 0}, BUCKETS: {"labels": 0, "bayes": 0}})
    text = bounded_leak_table(bounded_leaks(rows))
    assert "confidence_buckets at 100 queries: labels are enough, of 3 tried." in text


@pytest.mark.parametrize("defence, family, bits", [
    ("decoy", "decoy", 3),
    ("decoy:bits=2:decoys=1", "decoy:decoys=1", 2),
    ("confidence_buckets:state=FILE.json", "confidence_buckets:state=FILE.json", None),
])
def test_the_code_of_a_defence(defence, family, bits):
    code = code_of(defence)
    assert (code.family, code.bits) == (family, bits)


@pytest.mark.parametrize("defence", ["none", "rounding", "as_served", "rs", "from elsewhere"])
def test_other_defences_have_no_code(defence):
    assert code_of(defence) is None


@pytest.mark.parametrize("adversary, expected", [
    ("labels", True),
    ("labels:smoothing=.1", True),
    ("semi_supervised", True),
    ("semi_supervised:targets=probabilities", False),
    ("averaged", False),
    ("bayes", False),
    ("unknown here", False),
])
def test_which_thieves_read_labels_alone(adversary, expected):
    assert reads_labels_alone({"adversary": adversary}) == expected


@pytest.mark.parametrize("spread", [0.1, 0.5])
def test_the_interval_of_a_ratio_holds_what_a_test_of_it_does_not_refuse(spread):
    rng = np.random.default_rng(1)
    below = 1 + spread * rng.normal(size=12)
    top = 0.3 * below + 0.1 * rng.normal(size=12)
    for end in ratio_interval(top, below):
        rest = top - end * below
        t = rest.mean() / (rest.std(ddof=1) / np.sqrt(12))
        assert abs(t) == pytest.approx(2.2010, rel=1e-4)


@pytest.mark.parametrize("top, below, expected", [
    ([0, 0, 0], [10, 11, 12], (0, 0)),
    ([10, 11, 12], [10, 11, 12], (1, 1)),
    ([1, 2, 3], [1, -1, 2], (None, None)),
    ([1], [2], (None, None)),
], ids=["nothing", "all", "no bound", "one"])  # yapf: disable
def test_the_interval_of_a_ratio_of_extremes(top, below, expected):
    found = ratio_interval(np.array(top, float), np.array(below, float))
    assert found == expected or found == pytest.approx(expected)
