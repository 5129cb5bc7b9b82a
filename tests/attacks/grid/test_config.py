"""The configuration of a run: what is a cell, what is the same experiment, what is refused."""

import dataclasses
import json

import numpy as np
import pytest

from attacks.clone.recipe import Recipe
from attacks.endpoint.address import Address
from attacks.endpoint.config import EndpointConfig
from attacks.endpoint.config import RemoteConfig
from attacks.grid.cell import Cell
from attacks.grid.config import read_replay
from attacks.grid.config import RunConfig
from attacks.grid.execution import ExecutionConfig
from attacks.grid.experiment_config import ExperimentConfig
from attacks.grid.feasibility import check_possible
from attacks.grid.judgement import Judgement
from attacks.queries.pools import Pools
from models.data.dataset import Dataset
from models.data.loading import DataConfig
from models.processes.config import ProcessConfig
from models.victim import VictimConfig
from models.victim import VictimFile

REMOTE = RemoteConfig(EndpointConfig(Address.parse("http://host/v1/models/m")), eval_rows=30)


def experiment_config(**changes):
    arguments = {"defences": ("none", "reverse_sigmoid:beta=1"), "budgets": (20, 10),
                 "seeds": (0, 1)}  # yapf: disable
    return ExperimentConfig(**{**arguments, **changes})


def run_config(output_dir="somewhere", distribution="auto", clones_per_device=None, **experiment):
    execution = ExecutionConfig(output_dir, ProcessConfig(distribution), clones_per_device)
    return RunConfig(experiment_config(**experiment), execution)


def test_the_cells_are_the_product_of_the_grid():
    cells = experiment_config().cells()
    assert len(cells) == len(set(cells)) == 2 * 1 * 2 * 2 * 2
    assert len({cell.id for cell in cells}) == len(cells)
    assert [cell.budget for cell in cells[:8]] == [10] * 4 + [20] * 4


def test_two_spellings_of_a_cell_have_one_id_and_different_cells_have_different_ones():
    cell = Cell("reverse_sigmoid", "sample", "labels", 10, 0)
    for spelling in ("reverse_sigmoid:beta=1:gamma=.2", "reverse_sigmoid:gamma=0.2",
                     "reverse_sigmoid:beta=1.0"):
        assert dataclasses.replace(cell, defence=spelling).id == cell.id
    for change in ({"defence": "reverse_sigmoid:beta=.9"}, {"attack": "sample:augment=after"},
                   {"budget": 11}, {"adversary": "probabilities"}, {"seed": 1}):  # yapf: disable
        assert dataclasses.replace(cell, **change).id != cell.id


@pytest.mark.parametrize("changes, message", [
    ({"defences": ("nonne",)}, "none, reverse_sigmoid"),
    ({"defences": ("reverse_sigmoid:beta=3",)}, "beta.*3"),
    ({"defences": ("reverse_sigmoid:beta=nan",)}, "beta"),
    ({"defences": ("reverse_sigmoid:delta=1",)}, "beta, gamma, preserve_top1"),
    ({"defences": ("reverse_sigmoid:beta",)}, "reverse_sigmoid:beta"),
    ({"attacks": ("jacob",)}, "sample"),
    ({"attacks": ("sample:augment=never",)}, "none, before, after"),
    ({"attacks": ("jacobian:preset=",)}, "without spaces or empty parts"),
    ({"adversaries": ("bays",)}, "probabilities, labels"),
    ({"defences": ()}, "`defences` must be a tuple with at least one member"),
    ({"defences": "none"}, "`defences` must be a tuple.*Received: 'none'"),
    ({"defences": ("reverse_sigmoid", "reverse_sigmoid:beta=1")},
     "`defences` must not contain a member twice. .*reverse_sigmoid and reverse_sigmoid:beta=1"),
    ({"defences": ("as_served",)}, "`defences` must be as_served for an endpoint, and for no oth"),
    ({"victim": REMOTE}, "`defences` must be as_served for an endpoint"),
    ({"budgets": (5, 5)}, "`budgets` must not contain a member twice. Received: 5 and 5"),
    ({"budgets": (0,)}, "`budgets` must be an integer of 1 or more.*0"),
    ({"budgets": (True,)}, "`budgets` must be an integer.*True"),
    ({"budgets": (2.5,)}, "`budgets` must be an integer.*2.5"),
    ({"seeds": (-1,)}, "`seeds` must be an integer of 0 or more.*-1"),
    ({"seeds": (False,)}, "`seeds` must be an integer.*False"),
    ({"epsilon": 0.0}, r"`epsilon` must be in \(0, 1\]. Received: 0.0"),
    ({"epsilon": True}, r"`epsilon` must be in \(0, 1\]. Received: True"),
    ({"adversaries": ("aware", "bayes"), "defences": ("label_only",)},
     "`adversaries` must name one that means something here.*no gradient in its input; bayes: "),
])  # yapf: disable
def test_an_impossible_experiment_is_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        experiment_config(**changes)


@pytest.mark.parametrize("config, changes, message", [
    (ProcessConfig, {"distribution": "everywhere"},
     "`distribution` must be one of auto, one_device, mirrored.*everywhere"),
    (ProcessConfig, {"checkpoint_every": -1.0}, "`checkpoint_every`.*Received: -1.0"),
    (ProcessConfig, {"checkpoint_every": float("nan")}, "`checkpoint_every`.*Received: nan"),
    (ProcessConfig, {"checkpoint_every": True}, "`checkpoint_every`.*Received: True"),
    (ExecutionConfig, {"output_dir": ""}, "`output_dir` must name a directory"),
    (ExecutionConfig, {"output_dir": None}, "`output_dir` must name a directory"),
    (ExecutionConfig, {"output_dir": "x", "clones_per_device": 0},
     "`clones_per_device` must be an integer of 1 or more.*0"),
    (ExecutionConfig, {"output_dir": "x", "clones_per_device": True},
     "`clones_per_device` must be an integer.*True"),
    (ExecutionConfig, {"output_dir": "x", "clones_per_device": 2,
                       "process": ProcessConfig("mirrored")},
     "`clones_per_device` must be 1 .*trained on all devices. Received: 2"),
    (ExecutionConfig, {"output_dir": "x", "cells": (-1,)}, "`cells` must be an integer.*-1"),
    (ExecutionConfig, {"output_dir": "x", "cells": (True,)}, "`cells` must be an integer.*True"),
    (Judgement, {"price_per_1000": -1}, "`price_per_1000` must be a number of at least 0.*-1"),
    (Judgement, {"price_per_1000": float("inf")}, "`price_per_1000`.*inf"),
    (Judgement, {"price_per_1000": True}, "`price_per_1000`.*True"),
    (Judgement, {"fail_above": 1.5}, r"`fail_above` must be in \[0, 1\]. Received: 1.5"),
    (Judgement, {"fail_above": True}, "`fail_above`.*True"),
    (RunConfig, {"experiment": experiment_config(victim=REMOTE, defences=("as_served",)),
                 "execution": ExecutionConfig("x", clones_per_device=2)},
     "`clones_per_device` must be 1 for an endpoint.*Received: 2"),
    (RunConfig, {"experiment": experiment_config(),
                 "execution": ExecutionConfig("x", cells=(3, 16))},
     "`cells` must be places from 0 to 15. Received: 16"),
])  # yapf: disable
def test_an_impossible_run_is_refused(config, changes, message):
    with pytest.raises(ValueError, match=message):
        config(**changes)


@pytest.mark.parametrize("changes, message", [
    ({"architecture": "resnet"}, "resnet.*mlp, digits_cnn, mnist_cnn"),
    ({"optimizer": "adamant"}, "adam, sgd"),
    ({"optimizer": "adam:learning_rate=fast"}, "learning_rate"),
    ({"precision": "float64"},
     "`precision` must be one of float32, mixed_bfloat16, mixed_float16. Received: 'float64'"),
    ({"steps": 0}, "`steps` must be an integer of 1 or more. Received: steps=0"),
    ({"steps": True}, "`steps` must be an integer.*True"),
    ({"batch_size": 0}, "`batch_size` must be an integer"),
    ({"batch_size": True}, "`batch_size` must be an integer.*True"),
    ({"patience": 0}, "`patience` must be an integer"),
    ({"patience": 1.5}, "`patience` must be an integer.*1.5"),
    ({"held_out": 1.0}, r"`held_out` must be in \[0, 1\)"),
    ({"held_out": True}, r"`held_out` must be in \[0, 1\)"),
    ({"held_out": float("nan")}, r"\[0, 1\)"),
    ({"jit": "no"}, "`jit` must be a boolean. Received: jit='no'"),
])  # yapf: disable
def test_an_impossible_recipe_is_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        Recipe(**changes)


def test_numbers_of_numpy_are_numbers():
    """And the cells and records are those of Python's numbers."""
    plain = run_config(budgets=(5,), seeds=(1,), epsilon=0.5, clone=Recipe(steps=7, held_out=0.25),
                       clones_per_device=2)  # yapf: disable
    numpy = run_config(budgets=(np.int64(5),),
                       seeds=(np.uint8(1),),
                       epsilon=np.float32(0.5),
                       clone=Recipe(steps=np.int32(7), held_out=np.float32(0.25)),
                       clones_per_device=np.int64(2))
    assert numpy == plain and numpy.replay() == plain.replay()
    assert repr(numpy.experiment.cells()) == repr(plain.experiment.cells())
    assert repr(numpy.experiment.clone) == repr(plain.experiment.clone)
    assert json.dumps(numpy.describe()) == json.dumps(plain.describe())
    judgement = Judgement(price_per_1000=np.int64(3), fail_above=np.float32(0.5))
    assert json.dumps(dataclasses.asdict(judgement)) == '{"price_per_1000": 3.0, "fail_above": 0.5}'


IMAGES = Dataset("images", np.zeros((9, 4, 4, 1), np.float32), np.arange(9), 9, (0.0, 1.0))


@pytest.mark.parametrize("changes, clone, message", [
    ({"budgets": (2,)}, {}, "enough for one input, and averaged asks 3 rows of each. Received: 2"),
    ({"budgets": (5,)}, {"held_out": 0.5},
     "two inputs, as `held_out` takes one, and averaged asks 3 rows.*Received: 5"),
    ({"budgets": (6, 400)}, {}, "at most the 100 rows of the thief's pool. Received: 133"),
])  # yapf: disable
def test_budgets_are_those_of_inputs_where_an_adversary_asks_for_several_rows(
        changes, clone, message):
    pools = Pools(np.zeros((100, 4, 4, 1), np.float32), (0.0, 1.0))
    config = experiment_config(adversaries=("averaged",), clone=Recipe(**clone), **changes)
    with pytest.raises(ValueError, match=message):
        check_possible(config, IMAGES, pools)


@pytest.mark.parametrize(
    "defence, message",
    [("decoy:decoys=8", "`decoys` must be below"), ("top_k:k=10", "`k` must be"),
     ("confidence_buckets:ordered_classes=9", "`ordered_classes` must be below")])
def test_defences_that_need_more_classes_are_refused_before_anything_is_trained(defence, message):
    pools = Pools(np.zeros((100, 4, 4, 1), np.float32), (0.0, 1.0))
    with pytest.raises(ValueError, match=message):
        check_possible(experiment_config(defences=("none", defence)), IMAGES, pools)


@pytest.mark.parametrize("guess, message", [
    ("guess=top_k:guess_k=10", "top_k:k=10: `k` must be at most the number of classes"),
    ("guess=decoy:guess_decoys=8", "decoy:decoys=8: `decoys` must be below"),
])
@pytest.mark.parametrize("name", ["aware", "bayes", "learned_recovery", "inverse"])
def test_so_are_guesses_of_such_defences(name, guess, message):
    pools = Pools(np.zeros((100, 4, 4, 1), np.float32), (0.0, 1.0))
    config = experiment_config(adversaries=(f"{name}:{guess}", "labels"))
    with pytest.raises(ValueError, match=f"`guess` must be a defence of 9 classes. .*{message}"):
        check_possible(config, IMAGES, pools)


EXPERIMENTS = {
    "a victim to train":
        experiment_config(data=DataConfig("mnist", image_size=(8, 9)),
                          victim=VictimConfig(steps=7),
                          clone=Recipe(jit=True, held_out=0.25),
                          epsilon=0.5),
    "a victim of a file":
        experiment_config(victim=VictimFile("v/victim.keras")),
    "an endpoint":
        experiment_config(victim=REMOTE, defences=("as_served",)),
}


@pytest.mark.parametrize("experiment", EXPERIMENTS.values(), ids=EXPERIMENTS)
def test_a_replay_is_the_same_experiment(experiment):
    """Without the directories that it reads and writes."""
    places = dataclasses.replace(experiment.data, data_dir="d", cache_dir="c", download=True)
    placed = dataclasses.replace(experiment, data=places)
    assert placed.identity() == experiment.identity()
    replay = RunConfig(placed, ExecutionConfig("o", cells=(0,)), Judgement(1.0)).replay()
    again = read_replay(replay)
    assert again.identity() == experiment.identity() and again.cells() == experiment.cells()
    assert not {"data_dir", "cache_dir", "download", "output_dir", "cells"} & replay.keys()
    assert not {"price_per_1000", "fail_above"} & replay.keys()


@pytest.mark.parametrize("changes", [
    {"clone": Recipe(optimizer="adam:learning_rate=1e-3")},
    {"victim": VictimConfig(optimizer="adam:learning_rate=.0010")},
    {"clone": Recipe(held_out=0)},
    {"budgets": (10, 20)},
    {"budgets": (30,), "seeds": (7,), "attacks": ("random",)},
    {"defences": ("reverse_sigmoid:gamma=.2",), "adversaries": ("labels",)},
])  # yapf: disable
def test_another_spelling_or_grid_is_the_same_experiment(changes):
    assert experiment_config(**changes).identity() == experiment_config().identity()


@pytest.mark.parametrize("changes, name", [
    ({"data": DataConfig(split_seed=1)}, "split_seed"),
    ({"data": DataConfig("mnist")}, "dataset"),
    ({"victim": VictimConfig(seed=1)}, "victim_seed"),
    ({"victim": VictimFile("v.keras")}, "victim_seed"),
    ({"victim": REMOTE, "defences": ("as_served",)}, "oracle"),
    ({"clone": Recipe(precision="mixed_bfloat16")}, "precision"),
    ({"clone": Recipe(optimizer="adam:learning_rate=.002")}, "optimizer"),
    ({"epsilon": 0.5}, "epsilon"),
])  # yapf: disable
def test_another_value_is_another_experiment(changes, name):
    mine, other = experiment_config().identity(), experiment_config(**changes).identity()
    assert mine.get(name) != other.get(name)


def test_an_experiment_is_extended_by_the_members_of_another():
    mine = experiment_config(defences=("none", "reverse_sigmoid:gamma=.2"), budgets=(40, 10))
    extended = mine.extended(experiment_config(defences=("reverse_sigmoid",), budgets=(20, 10)))
    assert extended.defences == ("reverse_sigmoid", "none")
    assert extended.budgets == (20, 10, 40) and extended.seeds == (0, 1)


def test_a_replay_without_an_option_has_its_default():
    replay = run_config(epsilon=0.25).replay()
    for name in ("epsilon", "precision", "jit", "victim_seed"):
        del replay[name]
    assert read_replay(replay).identity() == experiment_config().identity()


@pytest.mark.parametrize("texts, message", [
    ({"colour": "red"}, "Received: colour"),
    ({"steps": "many"}, "`steps` must be of type int"),
    ({"victim_batch_size": "0"}, "`victim_batch_size` must be an integer"),
])  # yapf: disable
def test_a_replay_of_no_experiment_is_refused(texts, message):
    with pytest.raises(ValueError, match=message):
        read_replay(texts)
