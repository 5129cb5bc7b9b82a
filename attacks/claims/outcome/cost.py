"""What the runs of claims cost in time."""

import dataclasses
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
        victim_hours: Wall time of the training of the victims, whatever else the machine did.
        commits: The commits at which its cells were made, shortened.
    """
    hours: float
    cpu_hours: float
    victim_hours: float
    commits: tuple[str, ...]


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
    victims = {record["victim"]["fingerprint"]: record["victim"] for record in records}
    victim_hours = sum(victim.get("train_seconds", 0) for victim in victims.values()) / _HOUR
    return Cost(cpu_hours / cores, cpu_hours, victim_hours, tuple(commits))
