"""What answers are worth to an honest user, by hand and through the evaluator."""
import json

import numpy as np
import pytest

from attacks.evaluation.evaluator import Evaluator
from attacks.evaluation.utility import entropy_given_label
from attacks.evaluation.utility import UTILITY
from attacks.evaluation.utility import worth
from attacks.oracle.defended_victim import DefendedVictim
from attacks.oracle.defended_victim import DefendedVictims
from attacks.report.columns.columns import SUMMARY
from attacks.report.rows.summary import summary_rows
from models.data.splits import Rows
from models.data.splits import Splits
from revsig_keras import ConfidenceBuckets
from revsig_keras import Decoy
from tests.attacks.evaluation.test_evaluator import clone_of
from tests.attacks.evaluation.test_evaluator import linear
from tests.attacks.evaluation.test_evaluator import logits_of
from tests.attacks.report.made_up import record

RNG = np.random.default_rng(0)
ANSWERS = RNG.dirichlet(np.full(8, 0.3), 500).astype(np.float32)
TRUTH = np.where(RNG.random(500) < 0.7, ANSWERS.argmax(axis=1), RNG.integers(0, 8, 500))
RIGHT = ANSWERS.argmax(axis=1) == TRUTH


class Coded(DefendedVictim):
    """A victim whose layer is given."""

    def __init__(self, layer):
        self._layer = layer


def adapted(layer):
    layer.adapt(ANSWERS)
    return layer


def figures_under(defence):
    inputs = np.random.default_rng(1).normal(size=(60, 6)).astype(np.float32)
    victim, rows = linear(2.0, classes=6), Rows(inputs, np.arange(60) % 6)
    judge = Evaluator(DefendedVictims(victim), Splits(0, rows, rows, rows, rows, rows), 0.1,
                      (-4.0, 4.0))
    return judge.measure(clone_of(logits_of(victim)), defence, rows.x)


def test_the_figures_are_those_of_the_formulas():
    confidence = ANSWERS.max(axis=1).astype(np.float64)
    right, wrong = confidence[RIGHT][:, None], confidence[~RIGHT][None]
    bins = np.ceil(confidence * 15)
    gaps = [abs((RIGHT - confidence)[bins == each].sum()) for each in np.unique(bins)]
    first = np.argsort(-ANSWERS, axis=1)[:, :5] == TRUTH[:, None]
    assert worth(ANSWERS, TRUTH) == pytest.approx(
        {
            "confidence_auroc": (right > wrong).mean(),
            "ece": sum(gaps) / 500,
            "brier": np.square(ANSWERS - np.eye(8)[TRUTH]).sum(axis=1).mean(),
            "top5_accuracy": first.any(axis=1).mean(),
        },
        abs=1e-3)


@pytest.mark.parametrize("answers, truth, expected", [
    (np.eye(8)[[0, 0, 0]], [0, 1, 7], (1 + 2 * 4 / 7) / 3),
    (np.full((2, 10), 0.1), [0, 9], 0.5),
    (np.array([[0.3, 0.2, 0.2, 0.1, 0.1, 0.1]]), [5], 2 / 3),
    (np.array([[0.3, 0.2, 0.2, 0.15, 0.1, 0.05]]), [5], 0.0),
    (np.eye(5), [0, 1, 2, 3, 0], None),
], ids=["labels", "uniform", "one tie", "none", "five classes"])  # yapf: disable
def test_a_class_among_equals_counts_with_its_chance(answers, truth, expected):
    found = worth(answers, np.array(truth))["top5_accuracy"]
    assert found == (None if expected is None else pytest.approx(expected))


@pytest.mark.parametrize("is_right", [True, False])
def test_confidence_is_not_judged_where_no_answer_is_wrong_or_none_is_right(is_right):
    labels = ANSWERS.argmax(axis=1)
    figures = worth(ANSWERS, labels if is_right else (labels + 1) % 8)
    assert figures["confidence_auroc"] is None
    assert all(figures[name] is not None for name in ("ece", "brier", "top5_accuracy"))


@pytest.mark.parametrize("answers, expected", [
    (np.eye(3)[[0, 1, 2, 0]], 0),
    (np.array([[0.9, 0.1], [0.8, 0.2], [0.1, 0.9], [0.1, 0.9]]), 0.5),
    (np.array([[0.9, 0.1], [0.8, 0.2], [0.7, 0.3], [0.6, 0.4]]), 2),
    (np.array([[0.9, 0.1], [0.9000001, 0.0999999]]), 0),
    (np.array([[0.5000001, 0.4999999], [0.4999999, 0.5000001]]), 0),
],
                         ids=["labels", "one bit", "all differ", "rounding",
                              "lost by rounding"])  # yapf: disable
def test_the_entropy_of_answers_is_counted_within_each_label(answers, expected):
    assert entropy_given_label(answers) == pytest.approx(expected)


@pytest.mark.parametrize("bits", [0, 1, 3])
def test_coded_answers_have_no_more_entropy_than_bits(bits):
    for kind in (ConfidenceBuckets, Decoy):
        answers = np.array(adapted(kind(bits=bits))(ANSWERS))
        assert 0.2 * bits <= entropy_given_label(answers) <= bits


def test_near_confidences_of_decoys_are_told_apart():
    layer = adapted(Decoy(bits=6, decoys=2))
    buckets = adapted(ConfidenceBuckets(bits=6))
    found, expected = (
        worth(np.array(each(ANSWERS)), TRUTH)["confidence_auroc"] for each in (layer, buckets))
    assert found == pytest.approx(expected, abs=2e-3)


@pytest.mark.parametrize("layer", [
    ConfidenceBuckets(bits=3),
    ConfidenceBuckets(bits=2, ordered_classes=5),
    Decoy(bits=3, decoys=2),
], ids=["buckets", "ordered", "decoy"])  # yapf: disable
def test_decoding_gives_label_and_calibrated_confidence(layer):
    answers = np.array(adapted(layer)(ANSWERS))
    rows = Coded(layer).decode(answers)
    np.testing.assert_array_equal(rows.argmax(axis=1), ANSWERS.argmax(axis=1))
    np.testing.assert_allclose(rows.max(axis=1), layer.decode(answers).confidences)
    np.testing.assert_allclose(rows.sum(axis=1), 1)
    if isinstance(layer, ConfidenceBuckets):  # Such answers are what they decode to.
        np.testing.assert_allclose(rows, answers, atol=1e-6)


@pytest.mark.parametrize("defence", ["none", "label_only", "reverse_sigmoid"])
def test_answers_that_are_no_codes_are_taken_as_given(defence):
    figures = figures_under(defence)
    decoded = {name for name in UTILITY if name.endswith("_decoded")}
    assert {figures[name] for name in decoded} == {None}
    assert None not in {figures[name] for name in UTILITY if name not in decoded}


def test_without_a_defence_nothing_is_lost():
    figures = figures_under("none")
    for name in ("confidence_auroc", "ece", "brier", "top5_accuracy"):
        assert figures[f"{name}_defended"] == figures[f"{name}_clean"]
    assert figures["distortion_l1_test"] == 0


def test_a_decoy_gives_its_users_what_buckets_give_them():
    decoy, buckets = (figures_under(f"{name}:bits=2") for name in ("decoy", "confidence_buckets"))
    for name in ("confidence_auroc", "ece", "brier", "top5_accuracy"):
        assert decoy[f"{name}_decoded"] == pytest.approx(buckets[f"{name}_decoded"])
    assert decoy["distortion_l1_decoded"] == pytest.approx(buckets["distortion_l1_test"])
    assert decoy["distortion_l1_test"] > decoy["distortion_l1_decoded"]


def test_records_that_lack_the_figures_stay_readable():
    row, = summary_rows([record()])
    assert set(UTILITY) <= {column.name for column in SUMMARY}
    assert {row[name] for name in UTILITY} == {None}
    json.dumps(figures_under("decoy"), allow_nan=False)
