"""The configuration of a run, checked once and passed on."""

from collections.abc import Iterable
import dataclasses
import itertools
from typing import Any

from attacks.clone.recipe import CloneConfig
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
from models.processes import strategy
from models.victim import VictimConfig
from revsig_keras.defences.catalogue import DEFENCES


@dataclasses.dataclass(frozen=True)
class RunConfig:
    """One run: a data set, what is attacked, a recipe for clones, and the grid of cells.

    Attributes:
        data: What is classified, and how its rows are split.
        victim: How the victim is trained, or None.
        victim_file: A victim that `models.train` has written, or None.
        clone: How clones are trained.
        defences, attacks, adversaries: Members, as written.
        budgets, seeds: Integers.
        distribution: Name in `models.processes.strategy.NAMES`.
        output_dir: Where the results go.
        replay: The flags that make this run again, without the directories that it reads and
            writes.
        remote: The audit of an endpoint, or None; exactly one of this, `victim` and `victim_file`
            is given.
        price_per_1000: What 1,000 queries cost, in any currency, or None.
        fail_above: The largest agreement of a thief that passes, in [0, 1], or None.
        share: Which cells of `cells()` this run does, by their places, or None for all.
        clones_per_device: How many clones are trained at once, or None for what is fastest.
        epsilon: The size of the adversarial examples by which transferability is measured, as a
            share of the inputs' range, in (0, 1].
        checkpoint_every: Seconds after which a training is kept, and again, while it runs.
    """
    data: DataConfig
    victim: VictimConfig | None
    victim_file: str | None
    clone: CloneConfig
    defences: tuple[str, ...]
    attacks: tuple[str, ...]
    adversaries: tuple[str, ...]
    budgets: tuple[int, ...]
    seeds: tuple[int, ...]
    distribution: str
    output_dir: str
    replay: dict[str, str]
    remote: RemoteConfig | None = None
    price_per_1000: float | None = None
    fail_above: float | None = None
    epsilon: float = 0.25
    share: tuple[int, ...] | None = None
    clones_per_device: int | None = None
    checkpoint_every: float = 60.0

    def __post_init__(self):
        if [self.victim, self.victim_file, self.remote].count(None) != 2:
            raise ValueError("Exactly one of `victim`, `victim_file` and `remote` must be given.")
        for name in ("defences", "attacks", "adversaries", "budgets", "seeds"):
            if not getattr(self, name):
                raise ValueError(f"`--{name}` must name at least one member. Received: none")
        if (self.remote is not None) != (self.defences == (AS_SERVED,)):
            raise ValueError(f"`--defences` must be {AS_SERVED} for a remote oracle, and for no "
                             f"other. Received: {','.join(self.defences)}")
        _refuse_twins("defences", self.defences, resolve_defence)
        for name, registry in (("attacks", ATTACKS), ("adversaries", ADVERSARIES)):
            _refuse_twins(name, getattr(self, name), registry.resolve)
            for member in getattr(self, name):
                registry.make(member)  # refuses values out of range
        if self.remote is None:
            for member in self.defences:
                DEFENCES.make(member)  # likewise
        _refuse_twins("budgets", self.budgets, lambda budget: budget)
        _refuse_twins("seeds", self.seeds, lambda seed: seed)
        if self.distribution not in strategy.NAMES:
            raise ValueError(f"`--distribution` must be one of {', '.join(strategy.NAMES)}. "
                             f"Received: {self.distribution!r}")
        at_once = self.clones_per_device
        if at_once is not None and at_once < 1:
            raise ValueError(f"`--clones_per_device` must be at least 1. Received: {at_once}")
        if at_once not in (None, 1) and (self.remote or
                                         self.distribution not in ("auto", "one_device")):
            raise ValueError(
                "`--clones_per_device` must be 1 for an endpoint, whose cells share a ledger, and "
                f"where each clone is trained on all devices. Received: {at_once}")
        if self.price_per_1000 is not None and not 0 <= self.price_per_1000 < float("inf"):
            raise ValueError("`--price_per_1000` must be a number of at least 0. Received: "
                             f"{self.price_per_1000}")
        if self.fail_above is not None and not 0 <= self.fail_above <= 1:
            raise ValueError(f"`--fail_above` must be in [0, 1]. Received: {self.fail_above}")
        if not 0 < self.epsilon <= 1:
            raise ValueError(f"`--epsilon` must be in (0, 1]. Received: {self.epsilon}")
        if not self.checkpoint_every >= 0:
            raise ValueError("`--checkpoint_every` must be a number of seconds of at least 0. "
                             f"Received: {self.checkpoint_every}")
        if not self.output_dir:
            raise ValueError("`--output_dir` must be a directory. Received: an empty name")
        refuse_if_all(cell.unfit() for cell in self.cells())
        if self.share is not None and not all(place < len(self.cells()) for place in self.share):
            raise ValueError(f"`--cells` must be places from 0 to {len(self.cells()) - 1}, as "
                             f"--list_cells shows them. Received: {max(self.share)}")

    def cells(self) -> list[Cell]:
        """The product of the grid, ordered so that an early stop leaves whole comparisons."""
        return [
            Cell(defence, attack, adversary, budget, seed)
            for seed, budget, attack, adversary, defence in itertools.product(
                self.seeds, sorted(self.budgets), self.attacks, self.adversaries, self.defences)
        ]

    def own_cells(self) -> list[Cell]:
        """The cells that this run does, of which the others may be done by runs beside it."""
        cells = self.cells()
        return cells if self.share is None else [cells[place] for place in self.share]

    def listing(self) -> str:
        """The places of all cells and what they are, a line each."""
        return "\n".join(f"{place} {cell}" for place, cell in enumerate(self.cells()))

    def check(self, dataset: Dataset, pools: Pools) -> None:
        """Raises `ValueError` if the run cannot be carried out on this data."""
        for name in self.adversaries:
            adversary = ADVERSARIES.make(name)
            adversary.check(dataset.input_shape)
            inputs = min(self.budgets) // adversary.rows_per_input
            if inputs < (2 if self.clone.held_out else 1):
                needed = "two inputs, of which --held_out takes one" * bool(self.clone.held_out)
                raise ValueError(
                    f"`--budgets` must be enough for {needed or 'one input'}, and {name} asks "
                    f"{adversary.rows_per_input} rows of each. Received: {min(self.budgets)}")
            for attack, budget in itertools.product(map(ATTACKS.make, self.attacks), self.budgets):
                attack.check(budget // adversary.rows_per_input, pools)
        for trained in filter(None, (self.victim, self.clone)):
            architectures.build(trained.architecture,
                                dataset.input_shape,
                                dataset.num_classes,
                                seed=0)

    def describe(self) -> dict[str, Any]:
        """What all cells of the run share, without the places where files lie."""
        return {
            "split_seed": self.data.split_seed,
            "image_size": self.data.image_size,
            "clone": self.clone.describe(),
            "epsilon": self.epsilon,
            "distribution": self.distribution,
        }


def refuse_if_all(unfit: Iterable[str | None]) -> list[str]:
    """The reasons why cells mean nothing, each once; `ValueError` if all of them have one."""
    unfit = list(unfit)
    reasons = list(dict.fromkeys(filter(None, unfit)))
    if all(unfit):
        raise ValueError("`--adversaries` must name one that means something here. Received: "
                         f"{'; '.join(reasons)}")
    return reasons


def _refuse_twins(flag, members, resolve):
    seen = {}
    for member in members:
        key = repr(resolve(member))
        if key in seen:
            raise ValueError(
                f"`--{flag}` must not name a member twice. Received: {seen[key]} and {member}")
        seen[key] = member
