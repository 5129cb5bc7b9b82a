"""The output directory of a run that several workers share."""

from collections.abc import Callable, Iterator, Sequence
import contextlib
import pathlib
from typing import Any, Self

from attacks.clone.recipe import Recipe
from attacks.grid.cell import Cell
from attacks.grid.config import RunConfig
from attacks.grid.victim_key import VictimKey
from attacks.oracle.deployed import Deployed
from attacks.results.choice_files import ChoiceFiles
from attacks.results.store import ResultStore
from models.data.dataset import Dataset
from models.processes.preemption import Preemption
from models.processes.workers import Workers
from models.training.checkpoints import Checkpoint


class SharedStore:
    """The output directory of a run, for all workers, and the checkpoints of their trainings.

    The chief has a `ResultStore`; the other workers follow its decisions.

    Args:
        config: The run.
        dataset: Its data.
        workers: The processes of the run.
        preemption: Tells when they have to end.

    Raises:
        ValueError: Where `ResultStore` raises it, and if the workers do not have the same options
            and data, or do not see the same directory.
    """

    def __init__(self, config: RunConfig, dataset: Dataset, workers: Workers,
                 preemption: Preemption):
        self.directory = pathlib.Path(config.execution.output_dir)
        self._every = config.execution.process.checkpoint_every
        self._workers, self._preemption = workers, preemption
        workers.check_equal({
            **config.replay(), "cells": config.execution.cells,
            "data": dataset.fingerprint()
        })
        self._store = ResultStore(config) if workers.is_chief else None
        self._choices = ChoiceFiles(self.directory)
        workers.check_shared(self.directory)

    @contextlib.contextmanager
    def at_work(self) -> Iterator[Self]:
        """Yields this store; meanwhile other experiments are refused, see `ResultStore.at_work`."""
        with self._workers.on_chief(lambda: self._store.at_work()):
            yield self

    def extend(self, origin: dict[str, Any], victim: VictimKey,
               deployed: Callable[[str], Deployed]) -> None:
        """See `ResultStore.extend`; all workers must have the same victim."""
        self._workers.check_equal({"victim": origin["victim"]["fingerprint"]})
        if self._store:
            self._store.extend(origin, victim, deployed)

    def first_victim(self) -> VictimKey:
        """The first victim of the experiment, also where this run has others."""
        seeds = self._workers.agree(self._store and self._store.first_victim().seeds())
        return VictimKey(**seeds)

    def missing(self, cells: list[Cell]) -> list[Cell]:
        """The cells that have no result yet, as the chief sees them."""
        seen = self._store and [cell.id for cell in self._store.missing(cells)]
        missing = set(self._workers.agree(seen))
        return [cell for cell in cells if cell.id in missing]

    @contextlib.contextmanager
    def claim(self, cell: Cell) -> Iterator[bool]:
        """Whether this run does the cell; the chief decides, see `ResultStore.claim`."""
        with self._workers.on_chief(lambda: self._store.claim(cell)) as is_free:
            yield is_free

    def write(self, cell: Cell, record: dict[str, Any], deployed: Deployed) -> None:
        """Writes a result and removes the checkpoints of its trainings; see `ResultStore.write`."""
        if self._store:
            self._store.write(cell, record, deployed)
        self.checkpoint(cell).remove()

    def read_choice(self, cell: Cell, recipes: Sequence[Recipe]) -> dict[str, Any] | None:
        """The choice that the chief finds for a cell, or `None`; see `ChoiceFiles.read`."""
        return self._workers.agree(self._choices.read(cell, recipes) if self._store else None)

    @contextlib.contextmanager
    def claim_choice(self, cell: Cell) -> Iterator[bool]:
        """Whether this run makes the choice; see `ChoiceFiles.claim`."""
        with self._workers.on_chief(lambda: self._choices.claim(cell)) as is_open:
            yield is_open

    def write_choice(self, cell: Cell, record: dict[str, Any]) -> None:
        """Keeps the choice of a recipe and removes the checkpoints of its trainings."""
        if self._store:
            self._choices.write(cell, record)
        self.checkpoint(cell).remove()

    def checkpoint(self, cell: Cell) -> Checkpoint:
        """The checkpoint of a cell's trainings."""
        return self._checkpoint(pathlib.Path("cells", f".{cell.id}.checkpoint"))

    def victim_checkpoint(self, victim: VictimKey) -> Checkpoint:
        """The checkpoint of a victim's training, in a directory that is made here."""
        if self._store:
            (self.directory / victim.directory).mkdir(parents=True, exist_ok=True)
        return self._checkpoint(pathlib.Path(victim.directory, ".victim.checkpoint"))

    def _checkpoint(self, place):
        return Checkpoint(self.directory / place, self._every, self._workers, self._preemption)
