"""The control that trains on true labels: what it gets, from whom, and where it is left out."""
import dataclasses

import numpy as np
import pytest

from attacks.clone.recipe import Recipe
from attacks.clone.workshop import Workshop
from attacks.grid.cell import Cell
from attacks.grid.registries import ATTACKS
from attacks.oracle.defended_victim import DISTORTION
from attacks.oracle.truth import TrueLabels
from attacks.queries.pools import Pools
from attacks.schedule.cell_runner import run_cell
from models.data.splits import Rows
from tests.attacks.programs import call
from tests.attacks.programs import summary
from tests.attacks.targets.test_target import target
from tests.attacks.targets.test_target import X
from tests.attacks.thieves import trainer

POOL = Rows(X[150:], np.arange(150) % 3)


def nobody(*_):
    raise AssertionError("the control must not ask the victim")


def run(attack, budget=40, truth=TrueLabels(POOL, 3)):
    asked = dataclasses.replace(target(truth=truth.predict), oracle=nobody)
    cell = Cell("as_served", attack, "independent", budget, 0)
    assert asked.unfit(cell) is None
    workshop = Workshop(Recipe("mlp", steps=30), trainer((4,), 3))
    return run_cell(cell, Pools(POOL.x, (-4.0, 4.0)), asked, workshop, None)


@pytest.mark.parametrize("attack", ["sample", "active:rounds=2", "knockoff:pool=own:clusters=2"])
def test_it_asks_nothing_and_trains_on_true_labels(attack):
    seen = []

    class Watched(TrueLabels):

        def predict(self, inputs):
            labels = super().predict(inputs)
            seen.extend(labels.argmax(axis=1))
            return labels

    record = run(attack, truth=Watched(POOL, 3))
    assert record["queries_used"] == 0 and record["queries_per_round"] == []
    assert len(seen) == 40 and set(seen) == {0, 1, 2}
    other = Rows(POOL.x, (POOL.y + 1) % 3)
    assert run(attack, truth=TrueLabels(other, 3))["clone"]["digest"] != record["clone"]["digest"]
    assert {record["metrics"][name] for name in DISTORTION} == {None}


def test_a_true_label_is_that_of_the_first_of_equal_rows_and_no_other_input_has_one():
    labels = TrueLabels(Rows(np.float32([[1], [2], [1]]), np.array([0, 1, 1])), 2)
    np.testing.assert_array_equal(labels.predict(np.float32([[2], [1]])), [[0, 1], [1, 0]])
    with pytest.raises(ValueError, match="must be rows of the pool"):
        labels.predict(np.float32([[3]]))


def test_it_is_left_out_where_inputs_have_no_true_label():
    fit = {name for name in ATTACKS.names if not Cell("none", name, "independent", 9, 0).unfit()}
    assert fit == {"sample", "active"}
    for attack, is_fit in (("sample:augment=after", True), ("sample:augment=before", False),
                           ("knockoff:pool=own", True)):
        assert (Cell("none", attack, "independent", 9, 0).unfit() is None) == is_fit
    reason = Cell("none", "random", "independent", 9, 0).unfit()
    assert reason == "independent: the inputs of random have no true labels"
    assert "not known" in target().unfit(Cell("as_served", "sample", "independent", 9, 0))


def test_an_endpoint_of_labels_has_its_control_too():
    made = target(truth=TrueLabels(POOL, 3).predict, labels_only=True)
    assert made.unfit(Cell("as_served", "sample", "independent", 9, 0)) is None


@pytest.mark.slow
def test_a_run_of_the_program_has_a_control_beside_its_thieves(tmp_path, capsys):
    flags = ("--victim_architecture=mlp", "--victim_steps=150", "--clone_architecture=mlp",
             "--steps=40", "--budgets=20", "--seeds=3", "--attacks=sample,random",
             "--adversaries=labels,independent", f"--output_dir={tmp_path}")
    assert call(*flags) == 0
    assert "independent: the inputs of random have no true labels" in capsys.readouterr().err
    rows = [row for row in summary(tmp_path) if row["adversary"] == "independent"]
    assert [row["attack"] for row in rows] == ["sample"] * 2
    assert {row["agreement_clean"] for row in rows} == {rows[0]["agreement_clean"]}
    assert {(row["queries_used"], row["distortion_l1"]) for row in rows} == {("0", "")}
