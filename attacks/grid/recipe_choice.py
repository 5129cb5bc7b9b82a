"""Which recipes thieves choose from, and where a choice is made once for many cells."""

import dataclasses

from attacks.clone.recipe import Recipe
from attacks.clone.recipe_text import KEYS
from attacks.clone.recipe_text import parse_recipe
from attacks.clone.recipe_text import spell_recipe
from attacks.grid.cell import Cell
from attacks.grid.members import refuse_twins
from attacks.grid.registries import ADVERSARIES
from attacks.grid.victim_key import VictimKey
from revsig_keras.arguments import check_integer
from revsig_keras.options import option


@dataclasses.dataclass(frozen=True)
class RecipeChoice:
    """The recipes that each thief chooses from, whatever its attack, its adversary and the defence.

    A thief trains a clone by each candidate on the same answers and keeps the one that agrees best
    with the victim on the evaluator's validation rows; of equal ones, the first. Test rows decide
    nothing. The substitutes of attacks are trained by the first candidate, so that the queries do
    not depend on the choice.

    With `seed`, a recipe is chosen once and then frozen, for all cells of a kind: of one defence,
    attack, adversary and clone's architecture, and of budgets from one power of two up to the next.
    It is chosen by a thief of that seed, which is measured nowhere else, on the first victim and
    split of the grid, at the power of two. All seeds and victims of the grid then use it. (Where a
    data set has no test split of its own, some of that split's validation rows are test rows of the
    others, so that there the choice is not quite free of test rows.)

    Attributes:
        recipes: Recipes as text, see `attacks.clone.recipe_text`, or `None`: there is no choice.
        seed: The seed of the thieves that choose once for all, or `None`: each cell chooses.
    """
    recipes: tuple[str, ...] | None = option(
        None, "Candidate recipes: each thief, against any defence and none, gets the one that is "
        "best on the evaluator's validation rows. Written OPTIMIZER[:key=value]..., with the keys "
        f"of the optimiser and {', '.join(KEYS)}; flags set what a recipe leaves out. Example: "
        "adam:steps=600,sgd:epochs=20:augment=shift+flip. Default: one recipe, that of the flags.",
        canonical=lambda texts: tuple(map(spell_recipe, texts)))
    seed: int | None = option(
        None, "Chooses a recipe once, by a thief of this seed on the first victim, for all cells "
        "of one defence, attack, adversary and architecture and of budgets from one power of two "
        "up to the next. Default: each cell chooses for itself.",
        name="recipe_seed")

    def __post_init__(self):
        if self.recipes == ():
            object.__setattr__(self, "recipes", None)
        given = self.recipes or ()
        if not isinstance(given, tuple) or not all(isinstance(text, str) for text in given):
            raise ValueError(f"`recipes` must be a tuple of texts. Received: {self.recipes!r}")
        refuse_twins("recipes", given, spell_recipe)
        if self.seed is None:
            return
        object.__setattr__(self, "seed", check_integer("seed", self.seed, least=0))
        if len(given) < 2:
            raise ValueError("`seed` must come with at least two `recipes` to choose from. "
                             f"Received: {len(given)}")

    def candidates(self, base: Recipe) -> list[Recipe]:
        """The candidates, or `base` alone, which has what their texts do not name.

        Raises:
            ValueError: If a text is no recipe, or two are the same one.
        """
        if not self.recipes:
            return [base]
        refuse_twins("recipes", self.recipes, lambda text: parse_recipe(text, base).describe())
        return [parse_recipe(text, base) for text in self.recipes]

    def choosing_cell(self, cell: Cell, victim: VictimKey, least_inputs: int) -> Cell:
        """The cell on which the recipe of all cells like the given one is chosen.

        Args:
            cell: A cell of the grid.
            victim: The victim on which recipes are chosen.
            least_inputs: The number of inputs that a thief needs at least.
        """
        least = ADVERSARIES.make(cell.adversary).rows_per_input * least_inputs
        band = 1 << (cell.budget.bit_length() - 1)
        return dataclasses.replace(cell,
                                   budget=max(band, least),
                                   seed=self.seed,
                                   victim_seed=victim.victim_seed,
                                   split_seed=victim.split_seed)
