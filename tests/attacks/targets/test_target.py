"""A target is put together from an oracle and an evaluator."""
import numpy as np
import pytest

from attacks.clone.recipe import Recipe
from attacks.clone.trainer import CloneTrainer
from attacks.clone.workshop import Workshop
from attacks.evaluation.agreement import AgreementEvaluator
from attacks.evaluation.agreement import NEED_THE_VICTIM
from attacks.grid.cell import Cell
from attacks.oracle.oracle import LocalOracle
from attacks.queries.pools import Pools
from attacks.schedule.cell_runner import run_cell
from attacks.targets.target import Target
from models.data.splits import Rows
from models.processes.strategy import make_strategy

X = np.random.default_rng(0).normal(size=(300, 4)).astype(np.float32)


def answers(inputs):
    """A victim that is a plain function: softmax of the first three inputs."""
    exponentials = np.exp(3 * inputs[:, :3])
    return exponentials / exponentials.sum(axis=1, keepdims=True)


def target(**parts):
    labels = answers(X).argmax(axis=1)
    test, evaluation = Rows(X[:100], labels[:100]), Rows(X[100:150], labels[100:150])
    evaluator = AgreementEvaluator(test, labels[:100], evaluation, labels[100:150])
    return Target(lambda defence, budget: LocalOracle(answers, budget), evaluator, **parts)


def test_a_function_is_attacked_and_measured_without_a_model():
    workshop = Workshop(Recipe("mlp", steps=300), CloneTrainer((4,), 3,
                                                               make_strategy("one_device")))
    cell = Cell("as_served", "sample", "probabilities", 100, 0)
    record = run_cell(cell, Pools(X[150:], (-4.0, 4.0)), target(), workshop, lambda steps: None)
    metrics = record["metrics"]
    assert record["queries_used"] == 100
    assert metrics["agreement_defended"] == metrics["clone_accuracy"] > 0.8
    assert {metrics[name] for name in NEED_THE_VICTIM} == {None}


@pytest.mark.parametrize("labels_only", [False, True])
def test_a_target_of_labels_leaves_out_thieves_that_need_probabilities(labels_only):
    made = target(labels_only=labels_only)
    for adversary, needs in (("probabilities", True), ("labels", False), ("averaged", False)):
        unfit = made.unfit(Cell("as_served", "sample", adversary, 10, 0))
        assert (unfit is not None) == (labels_only and needs)


def test_a_target_sends_no_bill_unless_it_is_told_to():
    assert target().bill() is None
    assert target(bill=lambda: {"rows_sent": 3}).bill() == {"rows_sent": 3}
