"""One cell of the grid: a defence, an attack, an adversary, a budget and a seed."""

import dataclasses
import hashlib
import json
import re
from typing import Any

from attacks.grid.registries import ADVERSARIES
from attacks.grid.registries import ATTACKS
from attacks.oracle.defences import resolve_defence
from revsig_keras.arguments import check_integer


@dataclasses.dataclass(frozen=True)
class Cell:
    """A member of the grid; the data set, victim and clone recipe are those of the run.

    Attributes:
        defence: Member of `revsig_keras.defences.catalogue.DEFENCES`, as written, or `as_served`.
        attack: Member of `attacks.grid.registries.ATTACKS`, as written.
        adversary: Member of `attacks.grid.registries.ADVERSARIES`, as written.
        budget: The number of distinct rows that the thief may query.
        seed: The thief's seed.
    """
    defence: str
    attack: str
    adversary: str
    budget: int
    seed: int

    def __post_init__(self):
        check_integer("budget", self.budget, least=1)
        check_integer("seed", self.seed, least=0)
        self.resolved()  # Refuses unknown names and options.

    def resolved(self) -> dict[str, Any]:
        """The cell with the values of all options, the same for every spelling of a member."""
        resolved = {"budget": self.budget, "seed": self.seed}
        for kind, resolve in (("defence", resolve_defence), ("attack", ATTACKS.resolve),
                              ("adversary", ADVERSARIES.resolve)):
            name, options = resolve(getattr(self, kind))
            resolved[kind] = {"name": name, **options}
        return resolved

    def unfit(self) -> str | None:
        """Why the cell means nothing, such as recovery where there is no defence, or None."""
        adversary = ADVERSARIES.make(self.adversary)
        attack = ATTACKS.make(self.attack)
        if adversary.needs == "truth" and not attack.asks_own_rows:
            return f"{self.adversary}: the inputs of {self.attack} have no true labels"
        if adversary.keeps == "labels" and attack.needs == "probabilities":
            return f"{self.attack} needs probabilities, and {self.adversary} keeps labels only"
        return adversary.unfit(self.defence)

    def __str__(self):
        return (f"{self.defence}, {self.attack}, {self.adversary}, {self.budget} queries, "
                f"seed {self.seed}")

    def describe(self) -> dict[str, Any]:
        """The cell as written, and as resolved."""
        return {**dataclasses.asdict(self), "resolved": self.resolved()}

    @property
    def id(self) -> str:
        """A file name that tells what the cell is; a digest of all options makes it unique."""
        resolved = self.resolved()
        names = "-".join(resolved[kind]["name"] for kind in ("defence", "attack", "adversary"))
        digest = hashlib.sha256(json.dumps(resolved, sort_keys=True).encode()).hexdigest()[:10]
        return re.sub(r"[^\w.-]", "_", f"{names}-b{self.budget}-s{self.seed}-{digest}")
