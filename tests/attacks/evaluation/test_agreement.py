"""Clones are measured against given labels, each figure on the rows of its labels."""
import dataclasses
import json

import numpy as np
import pytest

from attacks.clone.clone import Clone
from attacks.evaluation.agreement import AgreementEvaluator
from attacks.evaluation.agreement import Examined
from attacks.evaluation.packed_rows import unpack
from attacks.evaluation.packed_rows import unpack_groups
from models.data.splits import Rows

TEST = Rows(np.zeros((4, 2), np.float32), np.int64([0, 1, 2, 0]))
CHOOSING = Rows(np.zeros((5, 2), np.float32), np.int64([0, 0, 0, 0, 0]))


class Answers:
    """A model with a fixed answer for each number of rows."""

    def logits(self, weights, inputs):
        labels = {len(CHOOSING): [1, 1, 1, 0, 0], len(TEST): [0, 1, 2, 1]}
        return np.eye(3)[labels[len(inputs)]]


CLONE = Clone(Answers(), (), 1, 0.0, (), "")


def test_each_figure_is_measured_on_its_own_rows_and_unknown_ones_are_none():
    test_labels, choosing_labels = np.int64([0, 1, 1, 1]), np.int64([2, 1, 1, 1, 1])
    evaluator = AgreementEvaluator(TEST, test_labels, CHOOSING, choosing_labels)
    clone = Clone(Answers(), (), 1, 0.0, (), "", agreement_held_out=0.25)
    figures = evaluator.measure(clone, "as_served", TEST.x)
    known = {name: value for name, value in figures.items() if value is not None}
    # The reference's labels are 0, 1, 1, 1: the clone has the 0 and two of the three 1.
    assert known == {
        "agreement_balanced": pytest.approx((1 + 2 / 3) / 2),
        "agreement_defended": pytest.approx(3 / 4),
        "agreement_held_out": 0.25,
        "agreement_validation": pytest.approx(2 / 5),
        "chance_agreement": pytest.approx(3 / 4),
        "clone_accuracy": pytest.approx(3 / 4),
        "victim_accuracy_defended": pytest.approx(2 / 4),
    }
    assert {"agreement_clean", "distortion_kl_nats", "label_changes",
            "transferability"} <= figures.keys() - known.keys()


def evaluator(test=TEST, labels=(0, 1, 1, 1)):
    return AgreementEvaluator(test, np.int64(labels), CHOOSING, np.zeros(5, np.int64))


def test_a_record_keeps_on_which_rows_the_clone_agrees():
    kept = evaluator().rows(CLONE)
    assert json.loads(json.dumps(kept)) == kept and kept["count"] == 4
    assert unpack(kept["agreement"], 4).tolist() == [True, True, False, True]


def test_a_record_keeps_which_rows_belong_together():
    for groups, is_kept in (([3, 1, 3, 0], True), ([3, 1, 2, 0], False), (None, False)):
        test = dataclasses.replace(TEST, groups=groups and np.int64(groups))
        kept = evaluator(test).rows(CLONE)
        assert ("groups" in kept) == is_kept
        assert not is_kept or unpack_groups(kept["groups"], 4).tolist() == [2, 1, 2, 0]


@pytest.mark.parametrize("change, is_equal", [
    ({}, True),
    ({"x": np.ones((4, 2), np.float32)}, False),
    ({"y": np.int64([0, 1, 2, 1])}, False),
])  # yapf: disable
def test_only_equal_test_rows_have_one_digest(change, is_equal):
    other = evaluator(dataclasses.replace(TEST, **change), (1, 1, 1, 1)).rows(CLONE)
    assert (other["test_rows"] == evaluator().rows(CLONE)["test_rows"]) is is_equal


def test_a_constant_clone_of_an_imbalanced_victim_is_worth_nothing():
    """It agrees on 97.5% of the rows, as often as chance does, and on one label of two."""
    labels = np.int64([0] * 39 + [1])
    test = Rows(np.zeros((40, 2), np.float32), labels)
    judge = AgreementEvaluator(test, labels, CHOOSING, np.zeros(5, np.int64))
    constant = Examined(np.zeros(40, np.int64), {})
    assert judge.worth(constant) == {"agreement_balanced": 0.5, "chance_agreement": 0.975}
