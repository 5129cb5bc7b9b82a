"""The recipes that thieves choose from, and where a choice is made once."""
import dataclasses

import numpy as np
import pytest

from attacks.clone.recipe import Recipe
from attacks.grid.config import read_replay
from attacks.grid.feasibility import check_possible
from attacks.grid.recipe_choice import RecipeChoice
from attacks.grid.victim_key import VictimKey
from attacks.queries.pools import Pools
from models.data.dataset import Dataset
from tests.attacks.grid.test_config import experiment_config
from tests.attacks.grid.test_config import REMOTE
from tests.attacks.grid.test_config import run_config

TWO = ("adam:steps=7", "sgd:epochs=2:augment=flip")


@pytest.mark.parametrize("arguments, message", [
    ({"recipes": ("adamant",)}, "Unknown optimizer 'adamant'"),
    ({"recipes": "adam"}, "`recipes` must be a tuple of texts"),
    ({"recipes": ("adam", 3)}, "`recipes` must be a tuple of texts. Received: .'adam', 3."),
    ({"recipes": ("adam", "adam:learning_rate=1e-3")}, "`recipes` must not contain a member twi"),
    ({"seed": 7}, "at least two `recipes`.*Received: 0"),
    ({"recipes": ("adam",), "seed": 7}, "at least two `recipes`.*Received: 1"),
    ({"recipes": TWO, "seed": -1}, "`seed` must be an integer of 0 or more"),
])  # yapf: disable
def test_an_impossible_choice_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        RecipeChoice(**arguments)


@pytest.mark.parametrize("changes, message", [
    ({"choice": RecipeChoice(TWO, 1)}, "`recipe_seed` must be none of `seeds`.*Received: 1"),
    ({"choice": RecipeChoice(TWO, 9), "victim": REMOTE, "defences": ("as_served",)},
     "`recipe_seed` must be left out for an endpoint"),
    ({"choice": RecipeChoice(("adam:steps=0",))}, "`steps` must be an integer of 1 or more"),
    ({"choice": RecipeChoice(("adam", "adam:steps=600")), "clone": Recipe(steps=600)},
     "`recipes` must not contain a member twice.*Received: adam and adam:steps=600"),
    ({"choice": RecipeChoice(("adam:augment=flip", "adam:augment=flip:rotation=5"))},
     "`recipes` must not contain a member twice"),
])  # yapf: disable
def test_a_choice_that_does_not_fit_the_experiment_is_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        experiment_config(**changes)


def test_budgets_and_data_on_which_a_recipe_is_impossible_are_refused_early():
    vectors = Dataset("vectors", np.zeros((9, 4), np.float32), np.arange(9), 9, (0.0, 1.0))
    pools = Pools(np.zeros((100, 4), np.float32), (0.0, 1.0))
    grid = experiment_config(clone=Recipe("mlp"), choice=RecipeChoice(TWO), budgets=(5,))
    grid = dataclasses.replace(grid, victim=dataclasses.replace(grid.victim, architecture="mlp"))
    with pytest.raises(ValueError, match="`augment=flip` changes images"):
        check_possible(grid, vectors, pools)
    held_out = RecipeChoice(("adam", "adam:held_out=.2"))
    with pytest.raises(ValueError, match="enough for two inputs, as `held_out` takes one"):
        check_possible(dataclasses.replace(grid, choice=held_out, budgets=(1,)), vectors, pools)


@pytest.mark.parametrize("adversary, budget, chosen_at", [
    ("labels", 32, 32), ("labels", 63, 32), ("labels", 64, 64), ("averaged", 3, 3),
    ("averaged", 5, 4),
])  # yapf: disable
def test_budgets_of_one_band_have_one_choice(adversary, budget, chosen_at):
    grid = experiment_config(choice=RecipeChoice(TWO, 9),
                             budgets=(budget,),
                             adversaries=(adversary,),
                             victim_seeds=(3, 4))
    choosing = {grid.choosing_cell(cell, VictimKey(None, 3)) for cell in grid.cells()}
    assert len(choosing) == 2  # One for each defence, whatever the victim and the seed.
    for cell in choosing:
        assert (cell.budget, cell.seed, cell.victim_seed) == (chosen_at, 9, 3)
    assert experiment_config().choosing_cell(grid.cells()[0], VictimKey()) is None


def test_the_steps_of_a_cell_are_those_of_all_candidates_on_its_inputs():
    grid = experiment_config(choice=RecipeChoice(TWO), adversaries=("averaged", "labels"),
                             clone=Recipe(batch_size=2), budgets=(30,))  # yapf: disable
    steps = {cell.adversary: grid.count_steps(cell) for cell in grid.cells()}
    assert steps == {"labels": 7 + 2 * 30 // 2, "averaged": 7 + 2 * 10 // 2}


def test_candidates_have_the_architecture_of_the_cell():
    grid = experiment_config(choice=RecipeChoice(TWO), clone_architectures=("mlp", "digits_cnn"))
    for cell in grid.cells():
        recipes = grid.candidates(cell)
        own = cell.clone_architecture or "digits_cnn"
        assert [recipe.architecture for recipe in recipes] == [own, own]
        assert [recipe.epochs for recipe in recipes] == [None, 2]


def test_other_recipes_are_another_experiment_and_a_replay_has_them():
    one = run_config(choice=RecipeChoice(TWO, 9))
    spelled = RecipeChoice(("adam:learning_rate=.001:steps=7", "sgd:augment=flip:epochs=2"), 9)
    assert run_config(choice=spelled).experiment.identity() == one.experiment.identity()
    assert read_replay(one.replay()).identity() == one.experiment.identity()
    for other in (RecipeChoice(TWO), RecipeChoice(TWO[::-1], 9), RecipeChoice()):
        assert run_config(choice=other).experiment.identity() != one.experiment.identity()
    described = one.describe()
    assert described["recipe_seed"] == 9 and len(described["recipes"]) == 2
    assert "recipes" not in run_config().describe()
