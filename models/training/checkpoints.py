"""Unfinished trainings on disk, so that a restarted process resumes them."""
from collections.abc import Iterator, Sequence
import contextlib
import logging
import os
import pathlib
import shutil
import time

import keras
import tensorflow as tf

from models.processes.preemption import Preemption
from models.processes.workers import Workers
from models.training.learner import assign
from models.training.state import TrainingState

_LOG = logging.getLogger(__name__)

# The errors that TensorFlow raises for a damaged file.
_UNREADABLE = (tf.errors.OpError, AssertionError, LookupError, RuntimeError, ValueError)


class Checkpoint:
    """A directory that stores a training while it runs; its subdirectories store others.

    The chief writes with a `tf.train.CheckpointManager`: every `every` seconds, at the end of a
    training that took as long, and when SIGTERM comes, after which all workers end. A resumed
    training ends with the same variables, to the bit, as an uninterrupted one.

    Args:
        directory: The directory, made when something is stored.
        every: The seconds between two checkpoints.
        workers: The processes that train.
        preemption: Tells when SIGTERM has come.
    """

    def __init__(self, directory: str | os.PathLike, every: float, workers: Workers,
                 preemption: Preemption):
        self._directory = pathlib.Path(directory)
        self._every, self._workers, self._preemption = every, workers, preemption

    def below(self, name: str) -> "Checkpoint":
        """Returns the `Checkpoint` of a subdirectory."""
        return Checkpoint(self._directory / name, self._every, self._workers, self._preemption)

    def remove(self) -> None:
        """Removes the directory."""
        if self._workers.is_chief:
            shutil.rmtree(self._directory, ignore_errors=True)

    @contextlib.contextmanager
    def keep(self, variables: Sequence[tf.Variable],
             state: TrainingState) -> Iterator["KeptTraining"]:
        """Resumes a training if it is stored, and stores it while it runs.

        Args:
            variables: All variables that it changes. They are assigned their stored values.
            state: The state that it changes, restored likewise; `is_over` is set at the end.
        """
        # Dropout and rounding differ with the number of replicas.
        place = self._directory / f"replicas_{self._workers.strategy.num_replicas_in_sync}"
        kept = KeptTraining(place, self._every, self._workers, self._preemption, variables, state)
        with self._preemption.delayed():
            kept.restore()
            was_over = state.is_over
            yield kept
            if not was_over:
                kept.offer()


class KeptTraining:
    """One training of a `Checkpoint`, made by `Checkpoint.keep`."""

    def __init__(self, directory, every, workers, preemption, variables, state):
        self._directory, self._every, self._workers = directory, every, workers
        self._preemption, self._variables, self._state = preemption, variables, state
        tracked = [v.value if isinstance(v, keras.Variable) else v for v in variables]
        self._checkpoint = tf.train.Checkpoint(variables=tracked, state=_Packed(state))
        self._manager, self._last = None, time.monotonic()
        self._began = self._last

    def restore(self) -> None:
        """Restores the stored training; one that cannot be read starts again."""
        latest = self._workers.is_chief and tf.train.latest_checkpoint(self._directory)
        name = self._workers.agree(latest and os.path.basename(latest))
        if not name:
            return
        fresh, failed = [variable.numpy() for variable in self._variables], None
        fresh_state = self._state.pack()
        try:
            self._checkpoint.restore(str(self._directory / name)).assert_consumed()
        except _UNREADABLE as error:
            failed = error
        if self._workers.any(failed is not None)[0]:
            _LOG.warning("A training starts again: %s cannot be read", self._directory / name)
            assign(self._variables, fresh)
            self._state.unpack(fresh_state)

    def offer(self) -> None:
        """Stores the training if a checkpoint is due; ends the process if SIGTERM has come."""
        since = self._began if self._state.is_over else self._last
        is_due = self._workers.is_chief and time.monotonic() >= since + self._every
        has_come, is_due = self._workers.any(self._preemption.has_come, is_due)
        if not (has_come or is_due):
            return
        if self._workers.is_chief:
            self._save()
        if has_come:
            self._workers.agree(None)  # No worker leaves before it is stored.
            self._preemption.end(f"terminated after {self._state.done} steps of a training, which "
                                 "are stored: the same command resumes from there")

    def _save(self):
        if self._manager is None:
            self._manager = tf.train.CheckpointManager(self._checkpoint, self._directory, 1)
        try:
            self._manager.save(self._state.done)
        except tf.errors.OpError as error:
            raise OSError(f"{self._directory} cannot be written: {error}") from error
        self._last = time.monotonic()


class _Packed(tf.train.experimental.PythonState):

    def __init__(self, state):
        self._state = state

    def serialize(self):
        return self._state.pack()

    def deserialize(self, packed):
        self._state.unpack(packed)
