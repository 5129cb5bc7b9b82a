"""The choice of a recipe for a clone."""
import types

import pytest

from attacks.clone.choice import choose
from attacks.clone.recipe import Recipe
from models.training.trainer import DivergedError

RECIPES = [Recipe("mlp", steps=steps) for steps in (1, 2, 3, 4)]


def chosen(scores, recipes=RECIPES):
    """The choice where trainings have these scores; None for one that diverges."""

    def train(recipe):
        if scores[recipe.steps - 1] is None:
            raise DivergedError("training diverged")
        return types.SimpleNamespace(steps=recipe.steps, digest=f"clone {recipe.steps}")

    return choose(recipes, train, lambda clone: scores[clone.steps - 1])


@pytest.mark.parametrize("scores, steps", [
    ([0.1, 0.4, 0.3, 0.2], 2),
    ([0.0, 0.0, 0.0, 0.0], 1),
    ([0.1, 0.4, 0.4, 0.4], 2),
    ([None, 0.1, None, 0.2], 4),
])
def test_the_best_is_chosen_and_the_first_of_equals(scores, steps):
    choice = chosen(scores)
    assert choice.recipe.steps == choice.clone.steps == steps
    assert [tried["agreement_validation"] for tried in choice.candidates] == scores
    chosen_steps = [each.steps for each, tried in zip(RECIPES, choice.candidates)
                    if tried["is_chosen"]]  # yapf: disable
    assert chosen_steps == [steps]
    assert [tried["recipe"] for tried in choice.candidates] == [r.describe() for r in RECIPES]


def test_one_recipe_alone_is_not_scored():
    choice = choose(RECIPES[:1], lambda recipe: recipe, None)
    assert choice.clone is choice.recipe is RECIPES[0] and choice.candidates == []


def test_where_all_diverge_there_is_no_clone():
    with pytest.raises(DivergedError, match="diverged by each of the recipes"):
        chosen([None] * 4)
    with pytest.raises(DivergedError, match="training diverged"):
        chosen([None], RECIPES[:1])
