"""What an experiment measures: its data, victim, clones and grid of cells."""

from collections.abc import Mapping, Sequence
import dataclasses
import itertools
import math
from typing import Any, Self

from attacks.clone.recipe import Recipe
from attacks.endpoint.config import RemoteConfig
from attacks.grid.cell import Cell
from attacks.grid.feasibility import least_inputs
from attacks.grid.feasibility import reasons_unless_all
from attacks.grid.members import GRID
from attacks.grid.members import OPTIONAL
from attacks.grid.members import refuse_twins
from attacks.grid.members import SEEDS
from attacks.grid.members import union
from attacks.grid.recipe_choice import RecipeChoice
from attacks.grid.registries import ADVERSARIES
from attacks.grid.registries import ATTACKS
from attacks.grid.replicates import Replicates
from attacks.grid.victim_key import VictimKey
from attacks.oracle.defences import AS_SERVED
from models.architectures import ARCHITECTURES
from models.data.loading import DataConfig
from models.victim import VictimConfig
from models.victim import VictimFile
from revsig_keras.arguments import check_integer
from revsig_keras.arguments import is_real
from revsig_keras.defences.catalogue import DEFENCES
from revsig_keras.options import build
from revsig_keras.options import option
from revsig_keras.options import values_of

LOCAL = "local"
_MEMBERS = "a comma list of name[:key=value]..., of these, shown with their defaults:"


@dataclasses.dataclass(frozen=True)
class ExperimentConfig:
    """An experiment: a data set, a victim, a recipe for clones, and the grid of cells.

    Attributes:
        data: What is classified, and how its rows are split.
        victim: How the victim is trained, the file that it is in, or the endpoint that it answers
            at.
        clone: How clones are trained.
        defences, attacks, adversaries: Members of the registries, as written. The defence of an
            endpoint is `as_served`.
        budgets: Numbers of distinct rows that a thief may query.
        seeds: Seeds of the thieves.
        epsilon: The size of the adversarial examples by which transferability is measured, as a
            fraction of the inputs' range, in (0, 1].
        victim_seeds, split_seeds: Seeds of several victims and of their data splits, or `None`; see
            `Replicates`.
        clone_architectures: Architectures of the clone, as written, or `None` for that of `clone`.
        choice: Which recipes thieves choose from.
    """
    data: DataConfig = DataConfig()
    victim: VictimConfig | VictimFile | RemoteConfig = VictimConfig()
    clone: Recipe = Recipe()
    defences: tuple[str, ...] = option(
        ("none", "reverse_sigmoid"),
        lambda: f"What the victim is defended with: {_MEMBERS} {DEFENCES.usage}. (A remote oracle "
        "has the defence that it has.)")
    attacks: tuple[str, ...] = option(
        ("sample",), lambda: f"Which inputs the thief queries: {_MEMBERS} {ATTACKS.usage}.")
    adversaries: tuple[str, ...] = option(
        ("probabilities", "labels"),
        lambda: f"What the thief makes of the answers: {_MEMBERS} {ADVERSARIES.usage}.")
    budgets: tuple[int, ...] = option((50, 100, 200), "How many distinct rows the thief may query.")
    seeds: tuple[int, ...] = option(
        (0,), "The thief's seeds: of the drawing of queries, the clone's initial weights and its "
        "training. Values, not a count.")
    epsilon: float = option(
        0.25, "The size of the adversarial examples by which transferability is measured, as a "
        "fraction of the inputs' range. (It is not measured on an endpoint.)")
    victim_seeds: tuple[int, ...] | None = option(
        None,
        "The seeds of several victims, each trained once and attacked by each thief. Default: "
        "the one of --victim_seed.")
    split_seeds: tuple[int, ...] | None = option(
        None, "A data split for each victim. The i-th of --split_seeds, --victim_seeds and --seeds "
        "then make the i-th replicate. Default: all victims have --split_seed, and each thief of "
        "--seeds attacks each victim.")
    clone_architectures: tuple[str, ...] | None = option(
        None, "Several architectures of the clone, as further thieves. Default: the one of "
        "--clone_architecture.")
    choice: RecipeChoice = RecipeChoice()

    @classmethod
    def from_options(cls, raw: Mapping[str, Any]) -> Self:
        """Makes an experiment from the raw values of its options, see `revsig_keras.options`.

        The options `oracle` and `victim` decide which kind of victim it has.
        """
        if raw.get("oracle", LOCAL) != LOCAL:
            return build(cls, raw, victim=build(RemoteConfig, raw), defences=(AS_SERVED,))
        return build(cls, raw, victim=build(VictimFile if raw.get("victim") else VictimConfig, raw))

    def __post_init__(self):
        for name in OPTIONAL:
            if getattr(self, name) == ():
                object.__setattr__(self, name, None)
        for name in (*GRID, *SEEDS):
            members = getattr(self, name)
            if members is None and name in OPTIONAL:
                continue
            if not isinstance(members, tuple) or not members:
                raise ValueError(f"`{name}` must be a tuple with at least one member. "
                                 f"Received: {members!r}")
        if self.is_remote != (self.defences == (AS_SERVED,)):
            raise ValueError(f"`defences` must be {AS_SERVED} for an endpoint, and for no other "
                             f"victim. Received: {','.join(self.defences)}")
        self._check_members()
        if not is_real(self.epsilon) or not 0 < self.epsilon <= 1:
            raise ValueError(f"`epsilon` must be in (0, 1]. Received: {self.epsilon}")
        # NumPy's numbers become Python's, which JSON can write.
        object.__setattr__(self, "epsilon", float(self.epsilon))
        reasons_unless_all(
            Cell(defence, attack, adversary, budget=1, seed=0).unfit() for adversary, attack,
            defence in itertools.product(self.adversaries, self.attacks, self.defences))

    def _check_members(self):
        for budget in self.budgets:
            check_integer("budgets", budget, least=1)
        for name, resolve in GRID.items():
            refuse_twins(name, getattr(self, name) or (), resolve)
        if not isinstance(self.victim, VictimConfig) and (self.victim_seeds or self.split_seeds):
            raise ValueError("`victim_seeds` and `split_seeds` must be left out where the victim "
                             "is not trained here. Received: "
                             f"{self.victim_seeds or self.split_seeds}")
        if self.choice.seed in self.seeds:
            raise ValueError("`recipe_seed` must be none of `seeds`, whose thieves are measured. "
                             f"Received: {self.choice.seed}")
        if self.is_remote and self.choice.seed is not None:
            raise ValueError("`recipe_seed` must be left out for an endpoint, which would bill the "
                             f"queries of further thieves. Received: {self.choice.seed}")
        self.replicates.pairs()
        self.recipes()  # Refuses invalid texts.
        # Making a member checks the ranges of its options.
        for attack in self.attacks:
            ATTACKS.make(attack)
        for adversary in self.adversaries:
            ADVERSARIES.make(adversary)
        for defence in () if self.is_remote else self.defences:
            DEFENCES.make(defence)

    @property
    def is_remote(self) -> bool:
        """Whether the victim is behind an endpoint."""
        return isinstance(self.victim, RemoteConfig)

    def __len__(self) -> int:
        """The number of cells."""
        members = (getattr(self, name) or (None,) for name in GRID)
        return len(self.replicates.pairs()) * math.prod(map(len, members))

    @property
    def replicates(self) -> Replicates:
        """The seeds of the grid."""
        own = self.victim.seed if isinstance(self.victim, VictimConfig) else None
        return Replicates(self.split_seeds, self.victim_seeds, self.seeds,
                          (self.data.split_seed, own))

    def victims(self) -> list[VictimKey]:
        """The victims of the grid."""
        return list(dict.fromkeys(key for key, _ in self.replicates.pairs()))

    def cells(self) -> list[Cell]:
        """The product of the grid, ordered so that an early stop leaves whole comparisons.

        All cells of one victim come before those of the next.
        """
        grid = itertools.product(self.replicates.pairs(), sorted(self.budgets),
                                 self._clone_architectures(), self.attacks, self.adversaries,
                                 self.defences)
        return [
            Cell(defence, attack, adversary, int(budget), seed, victim.victim_seed,
                 victim.split_seed, architecture)
            for (victim, seed), budget, architecture, attack, adversary, defence in grid
        ]

    def candidates(self, cell: Cell) -> list[Recipe]:
        """The recipes that the thief of a cell chooses from."""
        architecture = cell.clone_architecture or self.clone.architecture
        return self.choice.candidates(dataclasses.replace(self.clone, architecture=architecture))

    def recipes(self) -> list[Recipe]:
        """The recipes that thieves choose from, with the architecture of `clone`."""
        return self.choice.candidates(self.clone)

    def architectures(self) -> list[str]:
        """The architectures of everything that is trained."""
        built = list(self.clone_architectures or (self.clone.architecture,))
        if isinstance(self.victim, VictimConfig):
            built.append(self.victim.architecture)
        return list(dict.fromkeys(built))

    def choosing_cell(self, cell: Cell, victim: VictimKey) -> Cell | None:
        """The cell on which the recipe of a cell is chosen, or `None` if each cell chooses."""
        if self.choice.seed is None:
            return None
        return self.choice.choosing_cell(cell, victim, least_inputs(self.recipes()))

    def count_steps(self, cell: Cell, recipes: Sequence[Recipe] | None = None) -> int:
        """The training steps of a cell: those of all its candidates, or of the given recipes."""
        inputs = cell.budget // ADVERSARIES.make(cell.adversary).rows_per_input
        return sum(recipe.steps_on(inputs) for recipe in recipes or self.candidates(cell))

    def _clone_architectures(self):
        """The architectures of clones; that of the recipe is not named, so that ids stay."""
        own = ARCHITECTURES.resolve(self.clone.architecture)
        members = self.clone_architectures or (self.clone.architecture,)
        return [None if ARCHITECTURES.resolve(each) == own else each for each in members]

    def identity(self) -> dict[str, Any]:
        """What tells this experiment from others, by the names of options.

        The members of the grid are left out: an experiment may be extended by others. The file of
        a victim is left out too: its fingerprint tells victims apart.
        """
        values = values_of(self)
        apart = {*GRID, *SEEDS, "victim", *(["epsilon"] if self.is_remote else [])}
        return {name: value for name, value in values.items() if name not in apart}

    def extended(self, other: Self) -> Self:
        """This experiment with the members of another one's grid before its own."""
        members: dict[str, Any] = {
            name: union(getattr(other, name), getattr(self, name), resolve)
            for name, resolve in GRID.items()
            if name not in OPTIONAL
        }
        if self.clone_architectures or other.clone_architectures:
            first, second = (
                each.clone_architectures or (each.clone.architecture,) for each in (other, self))
            members["clone_architectures"] = union(first, second, ARCHITECTURES.resolve)
        replicates = self.replicates.extended(other.replicates)
        return dataclasses.replace(self,
                                   split_seeds=replicates.splits,
                                   victim_seeds=replicates.victims,
                                   seeds=replicates.thieves,
                                   **members)

    def of_victim(self, victim: VictimKey) -> Self:
        """The experiment with one victim of the grid alone, as if it were the run's own."""
        data, trained = self.data, self.victim
        thieves = tuple(thief for key, thief in self.replicates.pairs() if key == victim)
        if victim.split_seed is not None:
            data = dataclasses.replace(data, split_seed=victim.split_seed)
        if victim.victim_seed is not None:
            trained = dataclasses.replace(trained, seed=victim.victim_seed)
        return dataclasses.replace(self,
                                   data=data,
                                   victim=trained,
                                   split_seeds=None,
                                   victim_seeds=None,
                                   seeds=tuple(dict.fromkeys(thieves)))
