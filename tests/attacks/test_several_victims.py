"""A grid of several victims, splits, architectures and recipes, made, resumed and extended."""
import json

import keras
import numpy as np
import pytest

from attacks import ExecutionConfig
from attacks import ExperimentConfig
from attacks import Recipe
from attacks import RecipeChoice
from attacks import run_experiment
from attacks import RunConfig
from attacks.experiment import Scene
from attacks.report import Results
from models.data.loading import load
from models.data.splits import split
from models.processes.strategy import make_strategy
from models.processes.workers import Workers
from models.victim import VictimConfig

CHOICE = RecipeChoice(("adam:steps=20", "sgd:epochs=3:augment=shift+flip"), 1000)
GRID = {"split_seeds": (0, 1), "victim_seeds": (0, 1), "seeds": (0, 1), "choice": CHOICE,
        "clone_architectures": ("mlp", "digits_cnn")}  # yapf: disable


def run(directory, keep_clones=False, **changes):
    experiment = ExperimentConfig(victim=VictimConfig("mlp", steps=30),
                                  clone=Recipe("mlp", steps=20),
                                  budgets=(20,),
                                  defences=("none",),
                                  adversaries=("probabilities",),
                                  **{
                                      **GRID,
                                      **changes
                                  })
    return run_experiment(RunConfig(experiment, ExecutionConfig(directory,
                                                                keep_clones=keep_clones)))


def records(directory):
    return {path.stem: json.loads(path.read_text()) for path in (directory / "cells").iterdir()}


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    directory = tmp_path_factory.mktemp("grid")
    return directory, run(directory, keep_clones=True)


def test_each_victim_has_its_own_data_and_is_trained_once(finished):
    directory, results = finished
    assert len(results) == len(records(directory)) == 2 * 2
    victims = {}
    for record in records(directory).values():
        seeds = (record["dataset"]["split_seed"], record["victim"]["config"]["seed"])
        assert seeds == (record["victim"]["split_seed"], record["cell"]["seed"])
        victims.setdefault(record["victim"]["fingerprint"], set()).add(seeds)
    assert sorted(map(list, victims.values())) == [[(0, 0)], [(1, 1)]]
    assert (directory / "victim.keras").exists()
    assert (directory / "victims" / "split1-victim1" / "victim.keras").exists()
    assert len({record["rows"]["test_rows"] for record in records(directory).values()}) == 2


def test_the_recipe_is_chosen_once_and_told_by_every_cell(finished):
    directory, results = finished
    choices = {path.stem: json.loads(path.read_text())
               for path in (directory / "recipes").iterdir()}  # yapf: disable
    assert len(choices) == 2  # Of each architecture, on the first victim alone.
    for record in records(directory).values():
        clone, cell = record["clone"], record["cell"]
        assert clone["chosen_on"]["seed"] == 1000 and clone["chosen_on"]["budget"] == 16
        assert "victim_seed" not in clone["chosen_on"]
        chosen, = (tried for tried in clone["candidates"] if tried["is_chosen"])
        assert chosen["recipe"] == clone["recipe"]
        assert max(tried["agreement_validation"] for tried in clone["candidates"]
                   ) == chosen["agreement_validation"]  # yapf: disable
        assert clone["recipe"]["architecture"] == cell.get("clone_architecture", "mlp")
    told = {row["id"]: row["recipe"] for row in results._rows}
    for name, record in records(directory).items():
        epochs = record["clone"]["recipe"].get("epochs")
        assert told[name] == record["config"]["recipes"][epochs is not None]


def test_a_kept_clone_answers_as_it_was_measured(finished):
    directory, _ = finished
    test = split(load("digits"), 0).test
    for name, record in records(directory).items():
        answers = np.load(directory / "clones" / f"{name}.npz")["probabilities"]
        assert answers.shape == (record["rows"]["count"], 10)
        if record["dataset"]["split_seed"] == 0:
            model = keras.saving.load_model(directory / "clones" / f"{name}.keras")
            np.testing.assert_allclose(model(test.x), answers, atol=1e-5)
            accuracy = np.mean(answers.argmax(axis=1) == test.y)
            assert accuracy == record["metrics"]["clone_accuracy"]


def test_the_same_run_does_nothing_again_and_is_reported(finished):
    directory, _ = finished
    before = {path: path.stat().st_mtime_ns for path in directory.rglob("*.*")
              if path.suffix in (".json", ".keras", ".flags")}  # yapf: disable
    assert len(run(directory)) == len(Results(directory)) == 4
    assert before == {path: path.stat().st_mtime_ns for path in before}


@pytest.mark.slow
def test_a_directory_of_one_victim_is_extended_and_a_part_is_the_same_as_in_the_whole(
        finished, tmp_path):
    """The choice is made on the first victim, also where only the cells of others are missing."""
    directory, _ = finished
    first = {"split_seeds": (0,), "victim_seeds": (0,), "seeds": (0,),
             "clone_architectures": ("mlp",)}  # yapf: disable
    assert len(run(tmp_path, **first)) == 1
    second = {**first, "split_seeds": (1,), "victim_seeds": (1,), "seeds": (1,)}
    assert len(run(tmp_path, **second)) == 2
    assert len(list((tmp_path / "recipes").iterdir())) == 1
    whole = records(directory)
    for name, record in records(tmp_path).items():
        assert record["metrics"] == whole[name]["metrics"]
        assert record["clone"]["digest"] == whole[name]["clone"]["digest"]


def test_victims_of_one_split_share_their_data(tmp_path):
    experiment = ExperimentConfig(victim=VictimConfig("mlp"),
                                  seeds=(0, 1, 2),
                                  victim_seeds=(0, 1, 1),
                                  split_seeds=(0, 0, 1))
    config = RunConfig(experiment, ExecutionConfig(tmp_path))
    rest = load("digits"), Workers(make_strategy("one_device"))
    victims = list(dict.fromkeys(cell.victim for cell in experiment.cells()))
    first = Scene.of(config, victims[0], *rest)
    second, other = (Scene.of(config, victim, *rest, first) for victim in victims[1:])
    assert second.splits is first.splits and second.pools is first.pools
    assert second.config.experiment.victim.seed == 1
    assert other.splits is not first.splits and other.pools is not first.pools


@pytest.mark.slow
def test_without_a_recipe_seed_each_cell_chooses(tmp_path):
    choice = RecipeChoice(("adam:steps=20", "adam:learning_rate=1e9:steps=20"))
    run(tmp_path, choice=choice, split_seeds=None, victim_seeds=None, seeds=(0,),
        clone_architectures=None)  # yapf: disable
    (record,) = records(tmp_path).values()
    good, wild = record["clone"]["candidates"]
    assert good["is_chosen"] and not wild["is_chosen"] and "chosen_on" not in record["clone"]
    assert record["metrics"]["agreement_validation"] == good["agreement_validation"]
    assert record["clone"]["digest"] == good["digest"]
