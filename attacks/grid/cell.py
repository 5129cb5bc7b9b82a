"""One cell of the grid: a defence, an attack, an adversary, a budget, a victim and a seed."""

import dataclasses
import hashlib
import json
import re
from typing import Any

from attacks.grid.registries import ADVERSARIES
from attacks.grid.registries import ATTACKS
from attacks.grid.victim_key import VictimKey
from attacks.oracle.defences import AS_SERVED
from attacks.oracle.defences import resolve_defence
from models.architectures import ARCHITECTURES
from revsig_keras.arguments import check_integer


@dataclasses.dataclass(frozen=True)
class Cell:
    """A member of the grid; the data set and the recipes of clones are those of the run.

    Attributes:
        defence: Member of `revsig_keras.defences.catalogue.DEFENCES`, as written, or `as_served`.
        attack: Member of `attacks.grid.registries.ATTACKS`, as written.
        adversary: Member of `attacks.grid.registries.ADVERSARIES`, as written.
        budget: The number of distinct rows that the thief may query.
        seed: The thief's seed.
        victim_seed: The seed of the victim, `None` for the run's own victim.
        split_seed: The seed of the data split, `None` for the run's own.
        clone_architecture: Member of `models.architectures.ARCHITECTURES`, as written, `None` for
            that of the run's recipe.
    """
    defence: str
    attack: str
    adversary: str
    budget: int
    seed: int
    victim_seed: int | None = None
    split_seed: int | None = None
    clone_architecture: str | None = None

    def __post_init__(self):
        check_integer("budget", self.budget, least=1)
        check_integer("seed", self.seed, least=0)
        for name, seed in self.victim.seeds().items():
            check_integer(name, seed, least=0)
        self.resolved()  # Refuses unknown names and options.

    def resolved(self) -> dict[str, Any]:
        """The cell with the values of all options, the same for every spelling of a member.

        What is that of the run is left out, so that a grid of one victim has the ids that it had.
        """
        resolved = {"budget": self.budget, "seed": self.seed, **self.victim.seeds()}
        for kind, resolve in (("defence", resolve_defence), ("attack", ATTACKS.resolve),
                              ("adversary", ADVERSARIES.resolve)):
            name, options = resolve(getattr(self, kind))
            resolved[kind] = {"name": name, **options}
        if self.clone_architecture is not None:
            name, options = ARCHITECTURES.resolve(self.clone_architecture)
            resolved["clone_architecture"] = {"name": name, **options}
        return resolved

    @property
    def victim(self) -> VictimKey:
        """The victim."""
        return VictimKey(self.split_seed, self.victim_seed)

    def unfit(self, labels_only: bool = False) -> str | None:
        """Why the cell means nothing, such as recovery of labels alone, or None.

        Args:
            labels_only: Whether the victim answers with labels instead of probabilities.
        """
        adversary, attack = ADVERSARIES.make(self.adversary), ATTACKS.make(self.attack)
        if adversary.sees_clean and self.defence == AS_SERVED:
            return f"{self.adversary}: the victim's clean outputs are not known behind an endpoint"
        for name, needs in ((self.adversary, adversary.needs), (self.attack, attack.needs)):
            if labels_only and needs == "probabilities":
                return f"{name} needs {needs}, and the victim answers with labels only"
        if adversary.needs == "truth" and not attack.asks_own_rows:
            return f"{self.adversary}: the inputs of {self.attack} have no true labels"
        if adversary.reads(self.defence) == "labels" and attack.needs == "probabilities":
            when = "" if adversary.keeps == "labels" else " while it queries"
            return (f"{self.attack} needs probabilities, and {self.adversary} keeps labels only"
                    f"{when}")
        return adversary.unfit(self.defence)

    def __str__(self):
        told = [
            self.defence, self.attack, self.adversary, self.clone_architecture,
            f"{self.budget} queries",
            str(self.victim), f"seed {self.seed}"
        ]
        return ", ".join(filter(None, told))

    def describe(self) -> dict[str, Any]:
        """The cell as written and as resolved, and what its adversary reads.

        Reports also need the latter in a process where that adversary is not registered.
        """
        adversary = ADVERSARIES.make(self.adversary)
        reader = {name: getattr(adversary, name) for name in ("needs", "keeps", "sees_clean")}
        written = {
            name: value for name, value in dataclasses.asdict(self).items() if value is not None
        }
        return {**written, "reader": reader, "resolved": self.resolved()}

    @property
    def id(self) -> str:
        """A file name that tells what the cell is; a digest of all options makes it unique."""
        resolved = self.resolved()
        kinds = ("defence", "attack", "adversary", "clone_architecture")
        names = "-".join(resolved[kind]["name"] for kind in kinds if kind in resolved)
        seeds = "".join(
            f"{name.removesuffix('_seed')}{seed}-" for name, seed in self.victim.seeds().items())
        digest = hashlib.sha256(json.dumps(resolved, sort_keys=True).encode()).hexdigest()[:10]
        return re.sub(r"[^\w.-]", "_", f"{names}-b{self.budget}-{seeds}s{self.seed}-{digest}")
