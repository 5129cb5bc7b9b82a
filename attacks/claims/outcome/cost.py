"""What the runs of claims cost in time."""

from collections.abc import Iterable, Mapping
import dataclasses
import itertools
import json
import os
import pathlib

from attacks.results.records import read_cells

_HOUR = 3600


@dataclasses.dataclass(frozen=True)
class Cost:
    """What a run has cost.

    Attributes:
        hours: Wall time on the cores of the machine, if these had done nothing else.
        cpu_hours: Processor time, on all cores together.
        victims: Seconds of wall time that each training of a victim took, whatever else the machine
            did, by the fingerprint of the victim.
        commits: The commits at which its cells were made, shortened.
    """
    hours: float
    cpu_hours: float
    victims: Mapping[str, float]
    commits: tuple[str, ...]

    @property
    def victim_hours(self) -> float:
        """Wall time of the training of the victims."""
        return sum(self.victims.values()) / _HOUR


def cost_of(directory: str | os.PathLike) -> Cost:
    """What the cells of a run, the choices of their recipes and its victims have cost."""
    records = read_cells(directory)
    choices = [
        json.loads(path.read_bytes())
        for path in sorted(pathlib.Path(directory, "recipes").glob("*.json"))
    ]
    cores = max((record["hardware"]["cpu_cores"] for record in records), default=1)
    commits = sorted({str(record.get("commit"))[:7] for record in records})
    cpu_hours = sum(each.get("cpu_seconds", 0) for each in [*records, *choices]) / _HOUR
    victims = {
        record["victim"]["fingerprint"]: record["victim"].get("train_seconds", 0)
        for record in records
    }
    return Cost(cpu_hours / cores, cpu_hours, victims, tuple(commits))


def hours_of_all(costs: Iterable[Cost]) -> tuple[float, float]:
    """The wall time of several runs, and that of the training of their victims.

    A victim that several runs attack is counted once: the same seconds for the same weights are
    one training, whose victim was copied.
    """
    costs = list(costs)
    trainings = set(itertools.chain.from_iterable(cost.victims.items() for cost in costs))
    return sum(cost.hours for cost in costs), sum(seconds for _, seconds in trainings) / _HOUR
