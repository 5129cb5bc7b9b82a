"""Experiments on victims that were trained elsewhere."""
import contextlib
import json

import numpy as np
import pytest

from attacks.clone.recipe import Recipe
from attacks.evaluation.evaluator import Evaluator
from attacks.evaluation.utility import UTILITY
from attacks.experiment import run_experiment
from attacks.grid.config import RunConfig
from attacks.grid.execution import ExecutionConfig
from attacks.grid.experiment_config import ExperimentConfig
from attacks.grid.recipe_choice import RecipeChoice
from attacks.oracle.defended_victim import DefendedVictims
from attacks.schedule.cell_runner import CellRunner
from attacks.schedule.progress import Progress
from attacks.targets.local import local_target
from attacks.targets.local import LocalSource
from models import victim as victims
from models.data import splits
from models.data.loading import DataConfig
from models.processes.strategy import make_strategy
from models.processes.workers import Workers
from models.victim import VictimConfig
from models.victim import VictimFile
from revsig_keras import ReverseSigmoid
from tests.models.training.test_checkpoints import Place
from tests.models.victim import own_victims
from tests.models.victim.own_victims import DATASET
from tests.models.victim.own_victims import expected
from tests.models.victim.own_victims import X
from tests.models.victim.own_victims import Y

PARTS = splits.split(DATASET, 0, for_victim=False)


@pytest.fixture(name="directory", scope="module")
def fixture_directory(tmp_path_factory):
    directory = tmp_path_factory.mktemp("victims")
    own_victims.keras_model().save(directory / "logits.keras")
    own_victims.keras_model("softmax").save(directory / "softmax.keras")
    (directory / "functions.py").write_text(own_victims.FUNCTIONS)
    np.savez(directory / "data.npz", x=X, y=Y)
    return directory


def load(directory, form):
    return victims.load_own_victim(VictimFile(form.format(directory)), DATASET, PARTS)


def run(directory, output, form, **grid):
    experiment = ExperimentConfig(DataConfig(f"npz:{directory / 'data.npz'}"),
                                  VictimFile(form.format(directory)),
                                  Recipe("mlp", steps=150),
                                  budgets=(60,),
                                  **grid)
    run_experiment(RunConfig(experiment, ExecutionConfig(output)))
    return [json.loads(path.read_text()) for path in sorted((output / "cells").glob("*.json"))]


LABELS = "custom:file={}/functions.py:function=labels"


def test_a_keras_file_is_attacked_with_and_without_a_defence(directory, tmp_path):
    records = run(directory, tmp_path, "{}/logits.keras", defences=("none", "reverse_sigmoid"))
    assert len(records) == 4
    for record in records:
        assert record["victim"]["training_rows"] == "unknown"
        assert record["victim"]["name"] == "logits.keras"
        rows = record["dataset"]["rows"]
        assert rows["victim_train"] == rows["victim_validation"] == 0
        assert sum(rows.values()) == len(X) and rows["pool"] == round(.9 * .8 * len(X))
        metrics = record["metrics"]
        assert metrics["victim_accuracy_clean"] == record["victim"]["accuracy"]["test"]
        assert metrics["agreement_clean"] > .5
        assert metrics["label_changes_test"] == 0
        missing = {name for name, value in metrics.items() if value is None}
        undecoded = {name for name in UTILITY if name.endswith("_decoded")}
        top5 = {"top5_accuracy_clean", "top5_accuracy_defended"}  # Of three classes.
        assert missing == {"agreement_held_out"} | undecoded | top5
        is_defended = record["cell"]["defence"] != "none"
        assert (metrics["distortion_l1"] > 0) == is_defended


def test_a_victim_of_labels_fits_thieves_of_labels_only(directory, tmp_path, caplog):
    record, = run(directory, tmp_path, LABELS, defences=("none",))
    assert record["cell"]["adversary"] == "labels" and "answers with labels only" in caplog.text
    metrics = record["metrics"]
    assert metrics["clone_kl_nats"] is None and metrics["transferability"] is not None
    assert metrics["agreement_clean"] == metrics["agreement_defended"] > .5
    with pytest.raises(ValueError, match="needs probabilities, and the victim answers with labels"):
        run(directory, tmp_path / "no", LABELS, defences=("none",), adversaries=("probabilities",))


def test_another_victim_does_not_continue_a_directory(directory, tmp_path):
    run(directory, tmp_path, "{}/softmax.keras", defences=("none",), adversaries=("labels",))
    with pytest.raises(ValueError, match="must hold results of the same victim"):
        run(directory, tmp_path, "{}/logits.keras", defences=("none",), adversaries=("labels",))


def test_a_choice_of_recipes_binds_a_directory_before_the_first_cell(directory, tmp_path,
                                                                     monkeypatch):
    form, common = "{}/softmax.keras", {"defences": ("none",), "adversaries": ("labels",)}
    grid = {**common, "choice": RecipeChoice(("adam:steps=5", "sgd:steps=5"), 9)}
    other = {**common, "choice": RecipeChoice(("sgd:steps=7", "adam:steps=7"), 9)}
    with monkeypatch.context() as patch:
        patch.setattr(CellRunner, "run", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            run(directory, tmp_path, form, **grid)
    chosen, = (tmp_path / "recipes").glob("*.json")
    with pytest.raises(ValueError, match="different experiment.*`recipes` is adam:"):
        run(directory, tmp_path, form, **other)
    with pytest.raises(ValueError, match="must hold results of the same victim"):
        run(directory, tmp_path, "{}/logits.keras", **grid)
    record, = run(directory, tmp_path, form, **grid)
    assert record["clone"]["candidates"] == json.loads(chosen.read_text())["candidates"]


@pytest.mark.parametrize("form", ["{}/softmax.keras", "{}/logits.keras",
                                  "custom:file={}/functions.py"])  # yapf: disable
def test_a_defence_does_to_its_answers_what_it_does_to_a_model(directory, form):
    defended = DefendedVictims(load(directory, form)).under("reverse_sigmoid")
    wanted = np.asarray(ReverseSigmoid()(expected().astype("float32")))
    np.testing.assert_allclose(defended.predict(X), wanted, atol=1e-5)
    distortion = defended.distortion(X)
    np.testing.assert_allclose(distortion["distortion_l1"],
                               np.abs(wanted - expected()).sum(axis=1).mean(),
                               rtol=1e-4)
    assert distortion["distortion_kl_nats"] > 0 and distortion["label_changes"] == 0


@pytest.mark.parametrize("defence", ["reverse_sigmoid:from_logits=true",
                                     "reverse_sigmoid:multi_label=true"])  # yapf: disable
def test_a_defence_of_other_answers_is_refused(directory, defence):
    victim = DefendedVictims(load(directory, "{}/logits.keras"))
    with pytest.raises(ValueError, match="but it ends in a softmax"):
        victim.under(defence)


def test_an_answer_of_zero_adds_nothing_to_the_divergence():
    victim = victims.OwnVictim(lambda inputs: np.tile(np.float32([.5, .5, 0]), [len(inputs), 1]),
                               "probabilities", {
                                   "num_classes": 3,
                                   "fingerprint": ""
                               })
    evaluator = Evaluator(DefendedVictims(victim), PARTS, .25, (0, 1))
    log_clone = np.log(np.tile([.25, .25, .5], [len(PARTS.test), 1]))
    assert evaluator._divergence(log_clone) == pytest.approx(np.log(2))


def test_the_victim_of_an_experiment_that_was_faster_is_refused(tmp_path):
    workers = Workers(make_strategy("one_device"))
    slow, fast = (RunConfig(ExperimentConfig(victim=VictimConfig("mlp", steps=steps)),
                            ExecutionConfig(tmp_path)) for steps in (2, 1))
    parts, checkpoint = splits.split(DATASET, 0), Place(tmp_path / ".checkpoint").checkpoint
    for config, is_same in ((fast, True), (fast, True), (slow, False)):
        source = LocalSource(config, DATASET, parts)
        refused = pytest.raises(ValueError, match=r"another victim.*differs in victim_steps\)")
        with contextlib.nullcontext() if is_same else refused:
            with source.open(workers, Progress(is_shown=False), checkpoint) as target:
                assert target.record["config"]["steps"] == 1


def test_the_target_knows_true_labels_of_the_pool(directory):
    target = local_target(load(directory, "{}/logits.keras"), PARTS, (0, 1), .25)
    np.testing.assert_array_equal(target.truth(PARTS.pool.x[:9]).argmax(axis=1), PARTS.pool.y[:9])
    assert not target.labels_only
