"""Replicates: which split, victim and thief go together, and which ids stay."""
import pytest

from attacks.grid.config import read_replay
from attacks.grid.victim_key import VictimKey
from models.victim import VictimConfig
from models.victim import VictimFile
from tests.attacks.grid.test_config import experiment_config
from tests.attacks.grid.test_config import run_config


def replicates(**changes):
    """The victim and the thief of each replicate, the seeds of the run itself as None."""
    pairs = experiment_config(**changes).replicates.pairs()
    return [(key.split_seed, key.victim_seed, thief) for key, thief in pairs]


@pytest.mark.parametrize("changes, expected", [
    ({}, [(None, None, 0), (None, None, 1)]),
    ({"victim_seeds": ()}, [(None, None, 0), (None, None, 1)]),
    ({"victim_seeds": (0,)}, [(None, None, 0), (None, None, 1)]),
    ({"victim_seeds": (2, 0)},
     [(None, 2, 0), (None, 2, 1), (None, None, 0), (None, None, 1)]),
    ({"victim": VictimConfig(seed=2), "victim_seeds": (2, 0), "seeds": (5,)},
     [(None, None, 5), (None, 0, 5)]),
    ({"split_seeds": (0, 3), "victim_seeds": (0, 4)}, [(None, None, 0), (3, 4, 1)]),
    ({"split_seeds": (0, 3, 0), "victim_seeds": (1, 1, 1), "seeds": (5, 5, 6)},
     [(None, 1, 5), (None, 1, 6), (3, 1, 5)]),
])  # yapf: disable
def test_the_replicates_of_a_grid(changes, expected):
    assert replicates(**changes) == expected


@pytest.mark.parametrize("changes, message", [
    ({"victim_seeds": (1, 1)}, "`victim_seeds` must not contain a member twice"),
    ({"victim_seeds": (-1,)}, "`victim_seeds` must be an integer of 0 or more"),
    ({"victim_seeds": 3}, "`victim_seeds` must be a tuple"),
    ({"split_seeds": (0, 1)}, "must have equally many members.* Received: 2, 0, 2 members"),
    ({"split_seeds": (0, 1, 2), "victim_seeds": (0, 1, 2)}, "Received: 3, 3, 2 members"),
    ({"split_seeds": (0, 0), "victim_seeds": (1, 1), "seeds": (3, 3)}, "a member twice"),
    ({"victim": VictimFile("v.keras"), "victim_seeds": (0, 1)}, "must be left out where the vi"),
    ({"clone_architectures": ("mlp", "resnet")}, "resnet"),
    ({"clone_architectures": ("mlp", "mlp")}, "`clone_architectures` must not contain a member"),
])  # yapf: disable
def test_impossible_replicates_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        experiment_config(**changes)


def test_cells_of_the_runs_own_victim_and_architecture_keep_their_ids():
    alone = {cell.id for cell in experiment_config().cells()}
    changes = {"victim_seeds": (0, 1), "clone_architectures": ("digits_cnn", "mlp")}
    grid = experiment_config(**changes)
    ids = [cell.id for cell in grid.cells()]
    assert len(set(ids)) == len(ids) == len(grid) == 4 * len(alone) and alone < set(ids)
    assert not any("victim_seed" in cell.describe() for cell in experiment_config().cells())
    named = [cell.describe().get("clone_architecture") for cell in grid.cells()]
    assert set(named) == {None, "mlp"}


def test_an_early_stop_leaves_whole_comparisons():
    """The cells of a victim come together, those of a seed and a budget within them too."""
    cells = experiment_config(victim_seeds=(0, 1), budgets=(20, 10)).cells()
    places = [(cell.victim_seed is not None, cell.seed, cell.budget) for cell in cells]
    assert places == sorted(places)


@pytest.mark.parametrize("first, second, expected", [
    ({}, {"victim_seeds": (1, 2)}, {"victim_seeds": (0, 1, 2), "seeds": (0, 1)}),
    ({"victim_seeds": (0, 1)}, {"seeds": (7,)}, {"victim_seeds": (0, 1), "seeds": (0, 1, 7)}),
    ({"seeds": (0,)}, {"split_seeds": (1,), "victim_seeds": (1,), "seeds": (1,)},
     {"split_seeds": (0, 1), "victim_seeds": (0, 1), "seeds": (0, 1)}),
    ({}, {"clone_architectures": ("mlp",)}, {"clone_architectures": ("digits_cnn", "mlp")}),
    ({}, {}, {"victim_seeds": None, "split_seeds": None, "clone_architectures": None}),
])  # yapf: disable
def test_a_grid_is_extended_by_replicates_and_architectures(first, second, expected):
    first, second = experiment_config(**first), experiment_config(**second)
    assert first.identity() == second.identity()
    extended = second.extended(first)
    assert {name: getattr(extended, name) for name in expected} == expected
    both, ids = first.cells() + second.cells(), {cell.id for cell in extended.cells()}
    assert {cell.id for cell in both} <= ids


def test_the_run_of_one_victim_has_its_seeds_and_its_directory():
    grid = run_config("d", split_seeds=(3, 0), victim_seeds=(4, 0), seeds=(5, 6))
    one, own = (grid.of_victim(key) for key in grid.experiment.victims())
    assert (one.experiment.data.split_seed, one.experiment.victim.seed) == (3, 4)
    assert one.experiment.seeds == (5,) and str(
        one.execution.output_dir) == "d/victims/split3-victim4"
    assert own.experiment.identity() == grid.experiment.identity()
    assert str(own.execution.output_dir) == "d" and VictimKey().directory == ""


def test_a_replay_has_all_dimensions():
    grid = run_config(victim_seeds=(0, 1), clone_architectures=("mlp", "digits_cnn"))
    assert read_replay(grid.replay()).cells() == grid.experiment.cells()
    new = {"victim_seeds", "split_seeds", "recipes", "recipe_seed", "clone_architectures"}
    assert not new & run_config().replay().keys()
