"""Whether an experiment is possible on its data, before anything is trained or queried."""

from collections.abc import Iterable
import itertools
from typing import Protocol

from attacks.clone.recipe import Recipe
from attacks.grid.registries import ADVERSARIES
from attacks.grid.registries import ATTACKS
from attacks.oracle.defences import AS_SERVED
from attacks.queries.pools import Pools
from models import architectures
from models.data.dataset import Dataset
from revsig_keras.defences.catalogue import DEFENCES


class Grid(Protocol):
    """What has to be possible; an `ExperimentConfig`."""
    defences: tuple[str, ...]
    attacks: tuple[str, ...]
    adversaries: tuple[str, ...]
    budgets: tuple[int, ...]

    def architectures(self) -> list[str]:
        """The architectures of everything that is trained."""

    def recipes(self) -> list[Recipe]:
        """The recipes that thieves choose from."""


def check_possible(grid: Grid, dataset: Dataset, pools: Pools) -> None:
    """Raises `ValueError` if an experiment is impossible on this data."""
    for name in grid.defences:
        layer = None if name == AS_SERVED else DEFENCES.make(name)
        if layer is not None:
            layer.check_input((None, dataset.num_classes))
    for name in grid.adversaries:
        _check_adversary(grid, name, dataset, pools)
    for recipe in grid.recipes():
        recipe.changes.check(dataset.input_shape)
    for architecture in grid.architectures():
        architectures.build(architecture, dataset.input_shape, dataset.num_classes, seed=0)


def least_inputs(recipes: Iterable[Recipe]) -> int:
    """The number of inputs on which all recipes can train."""
    return 2 if any(recipe.held_out for recipe in recipes) else 1


def _check_adversary(grid, name, dataset, pools):
    adversary = ADVERSARIES.make(name)
    adversary.check(dataset.input_shape)
    adversary.check_classes(dataset.num_classes)
    inputs, least = min(grid.budgets) // adversary.rows_per_input, least_inputs(grid.recipes())
    if inputs < least:
        needed = "two inputs, as `held_out` takes one" if least == 2 else "one input"
        raise ValueError(f"`budgets` must be enough for {needed}, and {name} asks "
                         f"{adversary.rows_per_input} rows of each. Received: {min(grid.budgets)}")
    for attack, budget in itertools.product(map(ATTACKS.make, grid.attacks), grid.budgets):
        attack.check(budget // adversary.rows_per_input, pools)


def reasons_unless_all(unfit: Iterable[str | None]) -> list[str]:
    """The reasons why cells mean nothing, each once.

    Args:
        unfit: The reason of each cell, `None` for a cell that means something.

    Raises:
        ValueError: If there is a reason for all of them.
    """
    unfit = list(unfit)
    reasons = list(dict.fromkeys(filter(None, unfit)))
    if all(unfit):
        raise ValueError("`adversaries` must name one that means something here. Received: "
                         f"{'; '.join(reasons)}")
    return reasons
