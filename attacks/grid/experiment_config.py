"""What an experiment measures: its data, victim, clones and grid of cells."""

from collections.abc import Callable, Iterable, Mapping, Sequence
import dataclasses
import itertools
import math
from typing import Any, Self

from attacks.clone.recipe import Recipe
from attacks.endpoint.config import RemoteConfig
from attacks.grid.cell import Cell
from attacks.grid.registries import ADVERSARIES
from attacks.grid.registries import ATTACKS
from attacks.oracle.defences import AS_SERVED
from attacks.oracle.defences import resolve_defence
from attacks.queries.pools import Pools
from models import architectures
from models.data.dataset import Dataset
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
# The fields that list the members of the grid, and what tells one member from another.
GRID: dict[str, Callable[[Any], Any]] = {
    "defences": resolve_defence,
    "attacks": ATTACKS.resolve,
    "adversaries": ADVERSARIES.resolve,
    "budgets": int,
    "seeds": int,
}


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

    @classmethod
    def from_options(cls, raw: Mapping[str, Any]) -> Self:
        """Makes an experiment from the raw values of its options, see `revsig_keras.options`.

        The options `oracle` and `victim` decide which kind of victim it has.
        """
        if raw.get("oracle", LOCAL) != LOCAL:
            return build(cls, raw, victim=build(RemoteConfig, raw), defences=(AS_SERVED,))
        return build(cls, raw, victim=build(VictimFile if raw.get("victim") else VictimConfig, raw))

    def __post_init__(self):
        for name in GRID:
            members = getattr(self, name)
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
        for seed in self.seeds:
            check_integer("seeds", seed, least=0)
        for name, resolve in GRID.items():
            _refuse_twins(name, getattr(self, name), resolve)
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
        return math.prod(len(getattr(self, name)) for name in GRID)

    def cells(self) -> list[Cell]:
        """The product of the grid, ordered so that an early stop leaves whole comparisons."""
        return [
            Cell(defence, attack, adversary, int(budget), int(seed))
            for seed, budget, attack, adversary, defence in itertools.product(
                self.seeds, sorted(self.budgets), self.attacks, self.adversaries, self.defences)
        ]

    def check(self, dataset: Dataset, pools: Pools) -> None:
        """Raises `ValueError` if the experiment is impossible on this data."""
        for name in self.adversaries:
            self._check_adversary(name, dataset, pools)
        trained = [self.clone]
        if isinstance(self.victim, VictimConfig):
            trained.append(self.victim)
        for config in trained:
            architectures.build(config.architecture,
                                dataset.input_shape,
                                dataset.num_classes,
                                seed=0)

    def _check_adversary(self, name, dataset, pools):
        adversary = ADVERSARIES.make(name)
        adversary.check(dataset.input_shape)
        inputs = min(self.budgets) // adversary.rows_per_input
        if inputs < (2 if self.clone.held_out else 1):
            needed = "two inputs, of which `held_out` takes one" if self.clone.held_out else (
                "one input")
            raise ValueError(f"`budgets` must be enough for {needed}, and {name} asks "
                             f"{adversary.rows_per_input} rows of each. "
                             f"Received: {min(self.budgets)}")
        for attack, budget in itertools.product(map(ATTACKS.make, self.attacks), self.budgets):
            attack.check(budget // adversary.rows_per_input, pools)

    def identity(self) -> dict[str, Any]:
        """What tells this experiment from others, by the names of options.

        The members of the grid are left out: an experiment may be extended by others. The file of
        a victim is left out too: its fingerprint tells victims apart.
        """
        values = values_of(self)
        apart = {*GRID, "victim", *(["epsilon"] if self.is_remote else [])}
        return {name: value for name, value in values.items() if name not in apart}

    def extended(self, other: Self) -> Self:
        """This experiment with the members of another one's grid before its own."""
        members = {
            name: _union(getattr(other, name), getattr(self, name), resolve)
            for name, resolve in GRID.items()
        }
        return dataclasses.replace(self, **members)


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


def _union(first: Sequence, second: Sequence, resolve: Callable) -> tuple:
    members = {}
    for member in (*first, *second):
        members.setdefault(repr(resolve(member)), member)
    return tuple(members.values())


def _refuse_twins(name, members, resolve):
    seen = {}
    for member in members:
        key = repr(resolve(member))
        if key in seen:
            raise ValueError(f"`{name}` must not contain a member twice. "
                             f"Received: {seen[key]} and {member}")
        seen[key] = member
