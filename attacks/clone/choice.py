"""The choice of a recipe for one clone."""

from collections.abc import Callable, Sequence
import dataclasses
from typing import Any

from attacks.clone.clone import Clone
from attacks.clone.recipe import Recipe
from models.training.trainer import DivergedError


@dataclasses.dataclass(frozen=True, eq=False)
class Choice:
    """A clone by the best of several recipes.

    Attributes:
        recipe: The recipe.
        clone: The clone.
        candidates: For each recipe, as records keep it: the recipe, whether it is chosen, its
            score `agreement_validation`, `None` where its training diverged, and the steps and the
            digest of its clone. Empty if there was one recipe alone.
    """
    recipe: Recipe
    clone: Clone
    candidates: list[dict[str, Any]]


def choose(recipes: Sequence[Recipe], train: Callable[[Recipe], Clone],
           score: Callable[[Clone], float]) -> Choice:
    """Trains a clone by each recipe and keeps the one of the highest score, the first of equals.

    A training that diverges is out of the choice.

    Args:
        recipes: The candidates. One alone is not scored.
        train: Trains a clone.
        score: Its agreement with the victim on the evaluator's validation rows.

    Raises:
        DivergedError: If all trainings diverge.
    """
    if len(recipes) == 1:
        return Choice(recipes[0], train(recipes[0]), [])
    best, highest, candidates = None, -1.0, []
    for place, recipe in enumerate(recipes):
        tried = {"recipe": recipe.describe(), "agreement_validation": None}
        candidates.append(tried)
        try:
            clone = train(recipe)
        except DivergedError:
            continue
        tried |= {
            "steps": clone.steps,
            "digest": clone.digest,
            "agreement_validation": score(clone)
        }
        if tried["agreement_validation"] > highest:
            best, highest = (place, clone), tried["agreement_validation"]
    if best is None:
        raise DivergedError("training diverged by each of the recipes. Choose smaller learning "
                            "rates")
    for place, tried in enumerate(candidates):
        tried["is_chosen"] = place == best[0]
    return Choice(recipes[best[0]], best[1], candidates)
