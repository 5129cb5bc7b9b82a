"""Where the target of a run comes from."""

import abc
from collections.abc import Callable
import contextlib
from typing import Protocol

from attacks.targets.target import Target
from models.processes.workers import Workers
from models.training.checkpoints import Checkpoint


class Progress(Protocol):
    """Receives what a source tells while it opens a target, and shows it."""

    def expects(self, steps: int) -> None:
        """Adds steps to the total."""

    def running(self, what: str,
                steps: int) -> contextlib.AbstractContextManager[Callable[[int], None]]:
        """Names what runs, for as many steps; gives the function that counts them."""

    def notes(self, text: str) -> None:
        """Says how far it is, in a few words."""


class TargetSource(abc.ABC):
    """Makes the target of a run: the protocol.

    1. The constructor refuses what cannot be attacked, before anything is written or sent.
    2. `open` trains or loads the victim, or asks the endpoint what it is, and yields the target.
    3. Leaving `open` ends all connections, also where it failed.
    """

    @abc.abstractmethod
    def open(self, workers: Workers, progress: Progress,
             checkpoint: Checkpoint) -> contextlib.AbstractContextManager[Target]:
        """Yields the target; a resumed run continues from what its output directory holds.

        Args:
            workers: The processes of the run.
            progress: Shows what is running.
            checkpoint: Where the training of a victim is kept while it runs.
        """
