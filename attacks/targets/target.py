"""The base of what can be attacked."""

import abc
from typing import Any

from attacks.evaluation.agreement import AgreementEvaluator
from attacks.grid.cell import Cell
from attacks.oracle.oracle import Oracle
from attacks.schedule.progress import Progress
from models.processes.workers import Workers
from models.training.checkpoints import Checkpoint


class Target(abc.ABC):
    """A victim as it is attacked and measured: in this process, or behind an endpoint.

    The protocol:

    1. What is wrong with the target is said when it is made, before anything is written.
    2. `open` trains or loads the victim, or asks the endpoint what it is; from then on `record`
       and `evaluator` are there. `close` ends it, also where `open` failed.
    3. `oracle` is made anew for each cell.

    Attributes:
        record: What is known of the victim, for the results; it has a `name` and a `fingerprint`.
        evaluator: Measures clones.
    """
    record: dict[str, Any]
    evaluator: AgreementEvaluator

    @abc.abstractmethod
    def open(self, workers: Workers, progress: Progress, checkpoint: Checkpoint) -> None:
        """Makes the target ready; resumed, from what is in the output directory.

        Args:
            workers: Those who do the run.
            progress: The progress bar.
            checkpoint: Where the training of a victim is kept while it runs.
        """

    @abc.abstractmethod
    def oracle(self, defence: str, budget: int) -> Oracle:
        """What the thief of one cell can query."""

    def unfit(self, cell: Cell) -> str | None:
        """Why a cell means nothing on this target, or None."""
        return cell.unfit()

    def bill(self) -> dict[str, int] | None:
        """Rows that this run has sent, or None where nothing is sent."""

    def close(self) -> None:
        """Ends connections."""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
