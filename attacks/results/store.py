"""Writes results: one JSON file per cell, written atomically and never overwritten."""

from collections.abc import Callable, Iterator
import contextlib
import dataclasses
import datetime
import json
import pathlib
from typing import Any
import uuid

from absl import logging

from attacks.endpoint.config import ENDPOINT_RECORD
from attacks.grid.cell import Cell
from attacks.grid.config import RunConfig
from attacks.grid.victim_key import VictimKey
from attacks.oracle.defences import fixed_answers
from attacks.oracle.deployed import Deployed
from attacks.results.archive import archived_ids
from attacks.results.choice_files import ChoiceFiles
from attacks.results.digest import sealed
from attacks.results.records import read_cells
from attacks.results.records import SCHEMA_VERSION
from attacks.results.replay_file import ReplayFile
from attacks.results.staleness import refuse_stale
from models import victim as victims
from models.processes.files import write_atomically
from models.processes.locks import lock

# Locks of the runs that are at work, one file each.
_AT_WORK = ".run-{}.lock"


class ResultStore:
    """The output directory of a run.

    `cells/<id>.json`, or a line of `cells.jsonl.xz`, is the record; `run.flags` replays it;
    `recipes` holds the choices of recipes that were made once, `victims` the victims besides the
    run's own, `clones` the clones that are kept; everything else in the directory is made from the
    cells. While a run is at work in it, and once it holds a victim, an endpoint, a choice or a
    cell, a directory belongs to one experiment: the same one may resume it or add members to the
    grid, any other is refused.

    Args:
        config: The run.

    Raises:
        ValueError: If the directory holds a different experiment, or something that is none.
        OSError: If it cannot be written.
    """

    def __init__(self, config: RunConfig):
        self._config = config
        self.directory = pathlib.Path(config.execution.output_dir)
        self._cells = self.directory / "cells"
        self._replay = ReplayFile(self.directory)
        self._archived = archived_ids(self.directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        with self._alone():
            if not self._replay.exists():
                self._refuse_foreign_files()
            elif self._has_begun():
                self._replay.check(config)
                return
            self._replay.write(config)
            self._cells.mkdir(exist_ok=True)

    def _alone(self):
        """Runs that share the directory, and may start at one time, read and write it in turn."""
        return lock(self.directory / ".flags.lock", wait=True)

    @contextlib.contextmanager
    def at_work(self) -> Iterator[None]:
        """While it lasts, other experiments are refused, although there may be no victim yet.

        Raises:
            ValueError: If one has taken the directory since this store was made.
        """
        with lock(self.directory / _AT_WORK.format(uuid.uuid4().hex), wait=True):
            with self._alone():
                self._replay.check(self._config)
            yield

    def _is_in_use(self):
        """Whether a run is at work; the locks of runs that were killed are removed."""
        return not all([_is_free(path) for path in self.directory.glob(_AT_WORK.format("*"))])

    def _has_begun(self):
        is_in_use = self._is_in_use()
        is_asked = (self.directory / ENDPOINT_RECORD).exists()
        has_victim = victims.exists(self.directory) or any(
            map(victims.exists, self.directory.glob("victims/*")))
        has_choices = any(self.directory.glob("recipes/*.json"))
        has_cells = self._archived or any(self._cells.glob("*.json"))
        return bool(is_in_use or is_asked or has_victim or has_choices or has_cells)

    def _refuse_foreign_files(self):
        # A run that was killed at its start may leave a temporary file or a lock.
        mine = (".run.flags.", ".flags.lock")
        foreign = [file.name for file in self.directory.iterdir() if not file.name.startswith(mine)]
        if foreign:
            raise ValueError(
                "`output_dir` must be a new or empty directory, or one that holds this run. "
                f"Received: {self.directory}, which has no run.flags, but {sorted(foreign)[0]}")

    def first_victim(self) -> VictimKey:
        """The first victim of the experiment, also where this run has others."""
        return self._config.experiment.extended(self._replay.read()).victims()[0]

    def extend(self,
               origin: dict[str, Any],
               victim: VictimKey = VictimKey(),
               deployed: Callable[[str], Deployed] = Deployed) -> None:
        """Adds the members of this run to `run.flags`, unless results there are stale.

        Args:
            origin: The provenance of the run; see `attacks.results.provenance.provenance`.
            victim: The victim that it is of, whose results are compared with it.
            deployed: Returns a defence as it now answers for this victim.
        """
        seeds = dataclasses.asdict(victim)
        records = [
            record for record in (*read_cells(self.directory),
                                  *ChoiceFiles(self.directory).read_all())
            if all(record["cell"].get(name) == seed for name, seed in seeds.items())
        ]
        refuse_stale(records, origin, self.directory, deployed)
        self._cells.mkdir(exist_ok=True)
        with self._alone():
            self._replay.extend(self._config)

    def missing(self, cells: list[Cell]) -> list[Cell]:
        """The cells that have no result yet."""
        return [cell for cell in cells if not self._has(cell)]

    @contextlib.contextmanager
    def claim(self, cell: Cell) -> Iterator[bool]:
        """Whether the cell is ours to do: not done yet, and claimed by no other run."""
        with lock(self._cells / f".{cell.id}.lock", wait=False) as is_free:
            yield is_free and not self._has(cell)

    def write(self, cell: Cell, record: dict[str, Any], deployed: Deployed | None = None) -> None:
        """Keeps a result; an existing file stays.

        Args:
            cell: The cell.
            record: Its result.
            deployed: Its defence, whose answers to fixed rows are kept too, and the digest of what
                it was fitted to. Defaults to `None`: it was fitted to nothing.
        """
        deployed = deployed or Deployed(cell.defence)
        record = {
            "schema_version":
                SCHEMA_VERSION,
            "id":
                cell.id,
            "finished_at":
                datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
            **record,
            **deployed.describe(), "defence_answers":
                fixed_answers(cell.defence, record["dataset"]["num_classes"], deployed.state)
        }
        text = json.dumps(sealed(record), indent=1) + "\n"
        try:
            write_atomically(self._path(cell), text, overwrite=False)
        except FileExistsError:
            logging.warning("%s was finished by another run meanwhile; its result stays.", cell.id)

    def _has(self, cell):
        return cell.id in self._archived or self._path(cell).exists()

    def _path(self, cell):
        return self._cells / f"{cell.id}.json"


def _is_free(path):
    with lock(path, wait=False) as is_free:
        return is_free
