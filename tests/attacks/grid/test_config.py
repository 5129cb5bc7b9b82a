"""The grid: what is a cell, what is the same cell, what is refused."""

import dataclasses

import numpy as np
import pytest

from attacks.clone.recipe import CloneConfig
from attacks.grid.cell import Cell
from attacks.grid.config import RunConfig
from attacks.queries.pools import Pools
from models.data.dataset import Dataset
from models.data.loading import DataConfig
from models.victim import VictimConfig


def run_config(**changes):
    arguments = dict(data=DataConfig("digits"),
                     victim=VictimConfig(),
                     victim_file=None,
                     clone=CloneConfig(),
                     defences=("none", "reverse_sigmoid:beta=1"),
                     attacks=("sample",),
                     adversaries=("probabilities", "labels"),
                     budgets=(20, 10),
                     seeds=(0, 1),
                     distribution="auto",
                     output_dir="somewhere",
                     replay={})
    return RunConfig(**{**arguments, **changes})


def test_the_cells_are_the_product_of_the_grid():
    cells = run_config().cells()
    assert len(cells) == len(set(cells)) == 2 * 1 * 2 * 2 * 2
    assert len({cell.id for cell in cells}) == len(cells)
    assert [cell.budget for cell in cells[:8]] == [10] * 4 + [20] * 4


def test_two_spellings_of_a_cell_have_one_id_and_different_cells_have_different_ones():
    cell = Cell("reverse_sigmoid", "sample", "labels", 10, 0)
    for spelling in ("reverse_sigmoid:beta=1:gamma=.2", "reverse_sigmoid:gamma=0.2",
                     "reverse_sigmoid:beta=1.0"):
        assert dataclasses.replace(cell, defence=spelling).id == cell.id
    for change in ({
            "defence": "reverse_sigmoid:beta=.9"
    }, {
            "attack": "sample:augment=after"
    }, {
            "budget": 11
    }, {
            "adversary": "probabilities"
    }, {
            "seed": 1
    }):
        assert dataclasses.replace(cell, **change).id != cell.id


@pytest.mark.parametrize("changes, message", [
    ({
        "defences": ("nonne",)
    }, "none, reverse_sigmoid"),
    ({
        "defences": ("reverse_sigmoid:beta=3",)
    }, "beta.*3"),
    ({
        "defences": ("reverse_sigmoid:beta=nan",)
    }, "beta"),
    ({
        "defences": ("reverse_sigmoid:delta=1",)
    }, "beta, gamma, preserve_top1"),
    ({
        "defences": ("reverse_sigmoid:beta",)
    }, "reverse_sigmoid:beta"),
    ({
        "attacks": ("jacob",)
    }, "sample"),
    ({
        "attacks": ("sample:augment=never",)
    }, "none, before, after"),
    ({
        "adversaries": ("bays",)
    }, "probabilities, labels"),
    ({
        "defences": ()
    }, "--defences` must name at least one"),
    ({
        "budgets": (0,)
    }, "positive.*0"),
    ({
        "seeds": (-1,)
    }, "non-negative. Received: -1"),
    ({
        "budgets": (5, 5)
    }, "must not name a member twice. Received: 5 and 5"),
    ({
        "defences": ("reverse_sigmoid", "reverse_sigmoid:beta=1")
    }, "twice.*reverse_sigmoid and reverse_sigmoid:beta=1"),
    ({
        "distribution": "everywhere"
    }, "auto, one_device, mirrored.*everywhere"),
    ({
        "clones_per_device": 0
    }, "--clones_per_device` must be at least 1. Received: 0"),
    ({
        "clones_per_device": 2,
        "distribution": "mirrored"
    }, "--clones_per_device` must be 1 .*trained on all devices. Received: 2"),
    ({
        "checkpoint_every": -1.0
    }, "--checkpoint_every.*Received: -1.0"),
    ({
        "checkpoint_every": float("nan")
    }, "--checkpoint_every.*Received: nan"),
    ({
        "output_dir": ""
    }, "--output_dir"),
    ({
        "victim_file": "victim.keras"
    }, "Exactly one"),
    ({
        "adversaries": ("aware", "bayes"),
        "defences": ("none",)
    }, "--adversaries` must name one that means something here.*no defence to undo; bayes: "),
    ({
        "epsilon": 0.0
    }, r"--epsilon` must be in \(0, 1\]. Received: 0.0"),
    ({
        "attacks": ("jacobian:preset=",)
    }, "without spaces or empty parts"),
])
def test_a_run_that_makes_no_sense_is_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        run_config(**changes)


@pytest.mark.parametrize("changes, message", [
    ({
        "architecture": "resnet"
    }, "resnet.*mlp, digits_cnn, mnist_cnn"),
    ({
        "optimizer": "adamant"
    }, "adam, sgd"),
    ({
        "precision": "float64"
    }, "`precision` must be one of float32, mixed_bfloat16, mixed_float16. Received: 'float64'"),
    ({
        "optimizer": "adam:learning_rate=fast"
    }, "learning_rate"),
    ({
        "steps": 0
    }, "`steps` must be at least 1. Received: 0"),
    ({
        "batch_size": 0
    }, "batch_size"),
    ({
        "patience": 0
    }, "patience"),
    ({
        "held_out": 1.0
    }, r"\[0, 1\)"),
    ({
        "held_out": float("nan")
    }, r"\[0, 1\)"),
])
def test_a_recipe_that_makes_no_sense_is_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        CloneConfig(**changes)


@pytest.mark.parametrize("changes, clone, message", [
    ({
        "budgets": (2,)
    }, {}, "enough for one input, and averaged asks 3 rows of each. Received: 2"),
    ({
        "budgets": (5,)
    }, {
        "held_out": 0.5
    }, "two inputs, of which --held_out takes one, and averaged asks 3 rows.*Received: 5"),
    ({
        "budgets": (6, 400)
    }, {}, "at most the 100 rows of the thief's pool. Received: 133"),
])
def test_budgets_are_those_of_inputs_where_an_adversary_asks_for_several_rows(
        changes, clone, message):
    data = Dataset("images", np.zeros((9, 4, 4, 1), np.float32), np.arange(9), 9, (0.0, 1.0))
    pools = Pools(np.zeros((100, 4, 4, 1), np.float32), (0.0, 1.0))
    config = run_config(adversaries=("averaged",), clone=CloneConfig(**clone), **changes)
    with pytest.raises(ValueError, match=message):
        config.check(data, pools)
