"""The steps of one training run, between which it is watched, checked and stored."""
from collections.abc import Callable
import dataclasses
import time
from typing import Any

import keras
import numpy as np

from models.training.batches import Batches
from models.training.batches import PairedBatches
from models.training.batches import prefetch
from models.training.checkpoints import KeptTraining
from models.training.learner import Learner
from models.training.state import TrainingState

# Steps of one call of the compiled loop: enough to make the cost of the call negligible, few enough
# for a lively progress bar. Inputs that would take more bytes than this are split further.
STEPS_PER_CALL = 50
_BYTES_PER_CALL = 2**26


@dataclasses.dataclass(frozen=True)
class TrainingRun:
    """One training run, from where `state` is to its end.

    Attributes:
        learner: What is trained.
        state: The progress of the run, which `go` updates.
        steps: The number of steps.
        watch, watch_at, progress: See `models.training.trainer.Trainer.train`.
        kept: Stores the run while it runs, or `None`.
    """
    learner: Learner
    state: TrainingState
    steps: int
    watch: Callable[[keras.Model, int], Any] | None
    watch_at: frozenset[int]
    progress: Callable[[int], None] | None
    kept: KeptTraining | None

    def go(self, loop: Callable[..., None], batches: Batches | PairedBatches) -> None:
        """Does the steps that are not done yet.

        Args:
            loop: The compiled loop of the learner.
            batches: The batches of the whole run.
        """
        state, ends = self.state, self._ends(batches.step_bytes)
        if self.progress and state.done:
            self.progress(state.done)
        batches.skip(state.done)
        left = [end for end in ends if end > state.done and not state.is_over]
        started = time.perf_counter()
        for end, batch in zip(left, prefetch(batches, np.diff([state.done, *left]))):
            state.waited += time.perf_counter() - started
            loop(*batch)
            state.seconds += time.perf_counter() - started
            if self._finish(end):
                break
            started = time.perf_counter()
        if state.stopper and not state.is_over:
            state.stopper.restore_best()
        state.is_over = True

    def _finish(self, end):
        """Watches, checks and stores the run after the step `end`; returns whether it stops."""
        state, is_last = self.state, end == self.steps
        new, state.done = end - state.done, end
        if self.watch and end in self.watch_at:
            state.watched.append((end, self.watch(self.learner.model, end)))
        checks = state.stopper and (end % STEPS_PER_CALL == 0 or is_last)
        stops = checks and state.stopper.stops()
        if self.kept and not stops and not is_last:
            self.kept.offer()
        if self.progress:
            self.progress(new)
        return stops

    def _ends(self, step_bytes):
        """The steps after which the compiled loop returns."""
        most = max(1, min(STEPS_PER_CALL, _BYTES_PER_CALL // step_bytes))
        stops = sorted(
            {*range(STEPS_PER_CALL, self.steps, STEPS_PER_CALL), *self.watch_at, self.steps})
        return sorted({
            end for start, stop in zip([0, *stops], stops)
            for end in (*range(start + most, stop, most), stop)
        })
