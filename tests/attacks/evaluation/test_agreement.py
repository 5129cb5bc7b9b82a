"""Clones are measured against given labels, each figure on the rows of its labels."""
import numpy as np
import pytest

from attacks.clone.clone import Clone
from attacks.evaluation.agreement import AgreementEvaluator
from models.data.splits import Rows

TEST = Rows(np.zeros((4, 2), np.float32), np.int64([0, 1, 2, 0]))
CHOOSING = Rows(np.zeros((5, 2), np.float32), np.int64([0, 0, 0, 0, 0]))


class Answers:
    """A model with a fixed answer for each number of rows."""

    def logits(self, weights, inputs):
        labels = {len(CHOOSING): [1, 1, 1, 0, 0], len(TEST): [0, 1, 2, 1]}
        return np.eye(3)[labels[len(inputs)]]


def test_each_figure_is_measured_on_its_own_rows_and_unknown_ones_are_none():
    test_labels, choosing_labels = np.int64([0, 1, 1, 1]), np.int64([2, 1, 1, 1, 1])
    evaluator = AgreementEvaluator(TEST, test_labels, CHOOSING, choosing_labels)
    clone = Clone(Answers(), (), 1, 0.0, (), "", agreement_held_out=0.25)
    figures = evaluator.measure(clone, "as_served", TEST.x)
    known = {name: value for name, value in figures.items() if value is not None}
    assert known == {
        "agreement_defended": pytest.approx(3 / 4),
        "agreement_held_out": 0.25,
        "agreement_validation": pytest.approx(2 / 5),
        "clone_accuracy": pytest.approx(3 / 4),
        "victim_accuracy_defended": pytest.approx(2 / 4),
    }
    assert {"agreement_clean", "distortion_kl_nats", "label_changes",
            "transferability"} <= figures.keys() - known.keys()
