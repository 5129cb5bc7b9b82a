"""The output directory of a run that several workers do together."""

from collections.abc import Iterator
import contextlib
import pathlib
from typing import Any

from attacks.grid.cell import Cell
from attacks.grid.config import RunConfig
from attacks.results.store import ResultStore
from models.data.dataset import Dataset
from models.processes.preemption import Preemption
from models.processes.workers import Workers
from models.training.checkpoints import Checkpoint


class SharedStore:
    """The chief's `ResultStore`, which the other workers follow, and what is kept of trainings.

    Args:
        config: The run.
        dataset: Its data.
        workers: Those who do it.
        preemption: Says when they are to end.

    Raises:
        ValueError: Where `ResultStore` does, and if the workers do not have the same flags and
            data, or do not see the same directory.
    """

    def __init__(self, config: RunConfig, dataset: Dataset, workers: Workers,
                 preemption: Preemption):
        self.directory = pathlib.Path(config.output_dir)
        self._every, self._workers, self._preemption = config.checkpoint_every, workers, preemption
        given = {f"--{name}": value for name, value in config.replay.items()}
        workers.check_equal({**given, "--cells": config.share, "data": dataset.fingerprint()})
        self._store = ResultStore(config) if workers.is_chief else None
        workers.check_shared(self.directory)

    def extend(self, origin: dict[str, Any]) -> None:
        """See `ResultStore.extend`; all workers must have the same victim."""
        self._workers.check_equal({"victim": origin["victim"]["fingerprint"]})
        if self._store:
            self._store.extend(origin)

    def missing(self, cells: list[Cell]) -> list[Cell]:
        """The cells that have no result yet, as the chief sees it."""
        missing = self._store and [cell.id for cell in self._store.missing(cells)]
        missing = set(self._workers.agree(missing))
        return [cell for cell in cells if cell.id in missing]

    def is_empty(self) -> bool:
        """Whether no cell is done yet, of which the chief is to be asked."""
        return self._store.is_empty()

    @contextlib.contextmanager
    def claim(self, cell: Cell) -> Iterator[bool]:
        """Whether the cell is ours to do, as the chief has found."""
        with self._workers.on_chief(lambda: self._store.claim(cell)) as is_ours:
            yield is_ours

    def write(self, cell: Cell, record: dict[str, Any]) -> None:
        """Keeps a result, and none of its trainings any more."""
        if self._store:
            self._store.write(cell, record)
        self.checkpoint(cell).remove()

    def checkpoint(self, cell: Cell | None) -> Checkpoint:
        """Where the trainings of a cell, or that of the victim, are kept while they run."""
        place = pathlib.Path("cells", f".{cell.id}.checkpoint") if cell else ".victim.checkpoint"
        return Checkpoint(self.directory / place, self._every, self._workers, self._preemption)
