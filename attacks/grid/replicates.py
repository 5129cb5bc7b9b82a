"""The replicates of a grid: which split, victim and thief go together."""

import dataclasses
import itertools
from typing import Self

from attacks.grid.members import refuse_twins
from attacks.grid.members import union
from attacks.grid.victim_key import VictimKey
from revsig_keras.arguments import check_integer


@dataclasses.dataclass(frozen=True)
class Replicates:
    """The seeds of a grid. A replicate is a (split, victim, thief).

    Without `splits`, each thief attacks each victim, all on one split: the seeds are crossed. With
    them, the i-th split, victim and thief make the i-th replicate, and replicates share nothing.

    Attributes:
        splits: Seeds of data splits, or `None` for the one split of the data.
        victims: Seeds of victims, or `None` for the one victim of the run.
        thieves: Seeds of thieves.
        own: The seeds of the run's own split and victim, whose names the cells leave out.

    Raises:
        ValueError: If a seed is invalid, a replicate occurs twice, or the seeds that go together
            differ in number.
    """
    splits: tuple[int, ...] | None
    victims: tuple[int, ...] | None
    thieves: tuple[int, ...]
    own: tuple[int, int | None]

    def __post_init__(self):
        named = {"split_seeds": self.splits, "victim_seeds": self.victims, "seeds": self.thieves}
        for name, seeds in named.items():
            for seed in seeds or ():
                check_integer(name, seed, least=0)
        if self.splits is None:
            for name, seeds in named.items():
                refuse_twins(name, seeds or (), int)
            return
        counts = {name: len(seeds or ()) for name, seeds in named.items()}
        if len(set(counts.values())) > 1:
            raise ValueError("`split_seeds`, `victim_seeds` and `seeds` must have equally many "
                             "members, as the i-th of each make a replicate. Received: "
                             f"{', '.join(map(str, counts.values()))} members")
        refuse_twins("split_seeds, victim_seeds, seeds", self._together(), tuple)

    def pairs(self) -> list[tuple[VictimKey, int]]:
        """All replicates, as a victim and the seed of a thief; those of a victim stay together."""
        pairs = [
            (self._key(split, victim), int(thief)) for split, victim, thief in self._together()
        ]
        keys = dict.fromkeys(key for key, _ in pairs)
        return [pair for key in keys for pair in pairs if pair[0] == key]

    def extended(self, other: Self) -> Self:
        """These replicates after those of another grid."""
        if self.splits is None and other.splits is None:
            victims = None
            if self.victims or other.victims:
                victims = union(other.victims or (other.own[1],), self.victims or (self.own[1],))
            return dataclasses.replace(self,
                                       victims=victims,
                                       thieves=union(other.thieves, self.thieves))
        splits, victims, thieves = zip(*union(other._together(), self._together()))
        return dataclasses.replace(self, splits=splits, victims=victims, thieves=thieves)

    def _together(self):
        """The seeds of split, victim and thief of each replicate."""
        if self.splits is not None:
            return list(zip(self.splits, self.victims, self.thieves))
        victims = self.victims or (self.own[1],)
        return [(self.own[0], *pair) for pair in itertools.product(victims, self.thieves)]

    def _key(self, split, victim):
        """The seeds of the run itself are not named, so that its cells keep their ids."""
        named = (None if seed == own else int(seed) for seed, own in zip((split, victim), self.own))
        return VictimKey(*named)
