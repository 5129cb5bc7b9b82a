"""One training loop for victims and clones, under every tf.distribute strategy."""
from collections.abc import Callable, Sequence
import contextlib
import dataclasses
import time
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from models.data.streamed import Inputs
from models.data.streamed import StreamedImages
from models.processes.workers import Workers
from models.training.batches import Batches
from models.training.batches import BesideEachOther
from models.training.batches import fed
from models.training.checkpoints import Checkpoint
from models.training.early_stopping import assign
from models.training.early_stopping import EarlyStopping
from models.training.loop import compile_loop
from models.training.objective import Objective
from models.training.state import TrainingState

# Steps of one call of the compiled loop: enough that the call itself costs nothing, few enough for
# a lively progress bar, and fewer of them where their inputs would take more than this.
STEPS_PER_CALL = 50
_BYTES_PER_CALL = 2**26

# What the sum of a target row may miss 1 by: what rounding to float16 takes from 1,000 classes.
SUM_TOLERANCE = 1e-2


@dataclasses.dataclass(frozen=True)
class Trained:
    """What a training run gives back.

    Attributes:
        model: the trained model. It belongs to the `Trainer` and is valid until the next
            `Trainer.train`.
        steps: the steps done; fewer than asked for if training was stopped early.
        seconds: the wall-clock time of the training steps, without compilation, `watch` and
            measurements on held-out rows.
        input_seconds: the part of it in which the steps waited for their batches.
        watched: a pair `(step, value)` for each step of `watch_at` that was reached.
        learned: the values of the objective's own variables, by their names.
    """
    model: keras.Model
    steps: int
    seconds: float
    input_seconds: float
    watched: tuple[tuple[int, Any], ...] = ()
    learned: dict[str, float] = dataclasses.field(default_factory=dict)


class Trainer:
    """Trains models of one architecture with one recipe, each of them afresh.

    The loss is that of an `Objective`, averaged over the global batch: by default the cross-entropy
    between soft targets and the softmax of the model's logits. A run has a fixed number of steps;
    its batches run through one permutation of the rows after another, across their ends, so that
    every batch is full. The rows, their order and their shifts depend on the seed alone, not on the
    number of replicas. A thread gathers the next batches while the device trains. The gradients of
    a model that computes in float16 are scaled, so that small ones do not vanish.

    Why not `fit`: it fails under `MultiWorkerMirroredStrategy` (keras-team/keras#20585), and it
    compiles anew for each model. A trainer compiles its loop once. Each `train` starts from the
    variables of a newly built model and from the optimiser's initial state, so that no run depends
    on the ones before it.

    Args:
        build: a function of a seed that returns a Keras model which emits logits of shape `[batch,
            classes]`.
        optimizer: a function without arguments that returns a Keras optimiser.
        batch_size: rows per step, over all replicas. If there are fewer rows than that, a batch is
            all of them.
        strategy: a `tf.distribute.Strategy`.
        objective: what is minimised. Defaults to `None`: an `Objective()`.
        jit: whether XLA compiles the steps. Defaults to `False`.

    Example:

    >>> from models import architectures, strategy
    >>> build = lambda seed: architectures.build("mlp", (4,), 3, seed)
    >>> one_device = strategy.make_strategy("one_device")
    >>> trainer = Trainer(build, keras.optimizers.Adam, 32, one_device)
    >>> x, targets = np.zeros((90, 4)), np.eye(3).repeat(30, axis=0)
    >>> trainer.train(x, targets, steps=60, seed=1).steps
    60
    """

    def __init__(self,
                 build: Callable[[int], keras.Model],
                 optimizer: Callable[[], keras.optimizers.Optimizer],
                 batch_size: int,
                 strategy: tf.distribute.Strategy,
                 objective: Objective | None = None,
                 jit: bool = False):
        if not batch_size >= 1:
            raise ValueError(f"batch_size must be at least 1. Received: batch_size={batch_size}")
        self._build = build
        self._make_optimizer = optimizer
        self._batch_size = int(batch_size)
        self._strategy = strategy
        self._objective = objective or Objective()
        self._jit = jit
        self._model = None
        self._loops = {}

    def train(self,
              x: Inputs,
              targets: np.ndarray,
              steps: int,
              seed: int,
              max_shift: int = 0,
              progress: Callable[[int], None] | None = None,
              held_out: tuple[np.ndarray, np.ndarray] | None = None,
              patience: int = 10,
              watch: Callable[[keras.Model, int], Any] | None = None,
              watch_at: Sequence[int] = (),
              start: Sequence[np.ndarray] | None = None,
              unlabelled: Inputs | None = None,
              unlabelled_shift: int = 0,
              checkpoint: Checkpoint | None = None) -> Trained:
        """Trains a new model.

        Args:
            x: inputs of shape `[n, ...]`.
            targets: a probability distribution over the classes for each input, shape `[n,
                classes]`.
            steps: the number of steps.
            seed: an integer from which the model's variables and the batches follow.
            max_shift: in each step each image is moved by a random whole number of pixels in
                `[-max_shift, max_shift]` along both axes; pixels at the edge are repeated. The
                target stays. Defaults to `0`.
            progress: a function that is called with the number of steps done since its last call.
                Defaults to `None`.
            held_out: a pair `(x, targets)` on which the objective's loss is measured every
                `STEPS_PER_CALL` steps. Training stops once it has not fallen for `patience`
                measurements in a row, and the best model is given back. Defaults to `None`: no
                early stopping.
            patience: see `held_out`. Defaults to `10`.
            watch: a function `watch(model, step)`, called after each of the steps `watch_at`; see
                `Trained.watched`. It has no influence on the training. Defaults to `None`.
            watch_at: step numbers in `[1, steps]`. Defaults to `()`.
            start: the weights to start from, as `keras.Model.get_weights` gives them; the
                optimiser starts afresh all the same. Defaults to `None`: those of a new model.
            unlabelled: more inputs, of which each step gets a batch of the same size beside that of
                `x`, with targets of zeros, for an objective that knows what to do with them.
                Defaults to `None`.
            unlabelled_shift: `max_shift` of the unlabelled inputs. Defaults to `0`.
            checkpoint: where this training is kept while it runs, and gone on with if it is kept
                there already; what `watch` returns must then be plain data. Defaults to `None`.

        Returns:
            A `Trained`. Its model is valid until the next call of this method.

        Raises:
            ValueError: if an argument is out of its range, or the training diverges.
        """
        _check_integers(steps=(steps, 1),
                        max_shift=(max_shift, 0),
                        patience=(patience, 1),
                        seed=(seed, 0))
        if not all(1 <= step <= steps for step in watch_at):
            raise ValueError(
                f"watch_at must hold steps from 1 to {steps}. Received: watch_at={watch_at}")
        self._start_afresh(seed)
        if start is not None:
            assign(self._model.weights, start)
        x, targets = self._checked(x, targets, max_shift)
        batches = self._batches(x, targets, seed, max_shift)
        if unlabelled is not None:
            more = self._checked_inputs(unlabelled, unlabelled_shift)
            no_targets = np.broadcast_to(np.float32(0), [len(more), targets.shape[1]])
            batches = BesideEachOther(batches,
                                      self._batches(more, no_targets, seed, unlabelled_shift))
        variables = self._model.variables + self._own
        state = TrainingState(
            held_out and
            EarlyStopping(self._model, self._objective, variables, *self._checked(*held_out),
                          patience, Workers(self._strategy)))
        loop = self._loop(shifted=max_shift > 0 or unlabelled_shift > 0)
        ends = _ends(steps, watch_at, batches.step_bytes)
        keeping = contextlib.nullcontext()
        if checkpoint:
            keeping = checkpoint.keep(variables + self._optimizer.variables, state)
        with keeping as kept:
            self._run(loop, batches, ends, state, kept, progress, watch, watch_at)
        weights = self._model.weights + self._own
        if not all(np.isfinite(variable.numpy()).all() for variable in weights):
            raise ValueError(
                f"training diverged: within {state.done} steps the weights became infinite or "
                "no numbers. Choose a smaller learning rate")
        return Trained(self._model, state.done, state.seconds, state.waited, tuple(state.watched),
                       self._objective.learned())

    def _run(self, loop, batches, ends, state, kept, progress, watch, watch_at):
        """Does the steps that are not done yet."""
        if progress and state.done:
            progress(state.done)
        batches.skip(state.done)
        left = [end for end in ends if end > state.done and not state.is_over]
        started = time.perf_counter()
        for end, batch in zip(left, fed(batches, np.diff([state.done, *left]))):
            state.waited += time.perf_counter() - started
            loop(*batch)
            state.seconds += time.perf_counter() - started
            new, state.done = end - state.done, end
            if watch and end in watch_at:
                state.watched.append((end, watch(self._model, end)))
            checks = state.stopper and (end % STEPS_PER_CALL == 0 or end == ends[-1])
            stops = checks and state.stopper.stops()
            if kept and not stops and end < ends[-1]:
                kept.offer()
            if progress:
                progress(new)
            if stops:
                break
            started = time.perf_counter()
        if state.stopper and not state.is_over:
            state.stopper.restore_best()
        state.is_over = True

    def _batches(self, x, targets, seed, max_shift):
        return Batches(x, targets, self._batch_size, seed, max_shift,
                       self._strategy.num_replicas_in_sync)

    def _start_afresh(self, seed):
        """Gives the model the variables of a new one, and the optimiser its initial state."""
        with self._strategy.scope():
            fresh = self._build(seed)
            if self._model is None:
                self._model = fresh
                self._optimizer = self._make_optimizer()
                if any(layer.compute_dtype == "float16" for layer in fresh.layers):
                    self._optimizer = keras.optimizers.LossScaleOptimizer(self._optimizer)
                self._own = self._objective.build()
                self._own_start = [variable.numpy() for variable in self._own]
                self._optimizer.build(fresh.trainable_variables + self._own)
                self._optimizer_start = [variable.numpy() for variable in self._optimizer.variables]
                return
        assign(self._model.variables, fresh.variables)
        assign(self._own, self._own_start)
        assign(self._optimizer.variables, self._optimizer_start)

    def _checked_inputs(self, x, max_shift):
        x = x if isinstance(x, StreamedImages) else np.asarray(x, "float32")
        if x.shape[1:] != self._model.input_shape[1:]:
            raise ValueError(
                f"x must have the shape (n, *{self._model.input_shape[1:]}). Received: {x.shape}")
        if not len(x):
            raise ValueError("x must have at least one row. Received: none")
        if max_shift and x.ndim != 4:
            raise ValueError(
                f"max_shift={max_shift} needs images, of shape (n, height, width, channels). "
                f"Received: x of shape {x.shape}")
        return x

    def _checked(self, x, targets, max_shift=0):
        x, targets = self._checked_inputs(x, max_shift), np.asarray(targets, "float32")
        if targets.shape != (len(x), self._model.output_shape[-1]):
            raise ValueError(
                f"targets must have one row of {self._model.output_shape[-1]} numbers for each of "
                f"the {len(x)} rows of x. Received: shape {targets.shape}")
        if not (np.all(targets >= 0) and np.all(np.abs(targets.sum(-1) - 1) <= SUM_TOLERANCE)):
            raise ValueError(
                "targets must be probabilities, at least 0, each row with the sum 1. Received: "
                f"values in [{targets.min()}, {targets.max()}], sums in "
                f"[{targets.sum(-1).min()}, {targets.sum(-1).max()}]")
        return x, targets

    def _loop(self, shifted):
        if shifted not in self._loops:
            self._loops[shifted] = compile_loop(self._model, self._optimizer, self._objective,
                                                self._own, self._strategy, shifted, self._jit)
        return self._loops[shifted]


def _ends(steps, watch_at, step_bytes):
    """The steps after which the compiled loop comes back."""
    most = max(1, min(STEPS_PER_CALL, _BYTES_PER_CALL // step_bytes))
    stops = sorted({*range(STEPS_PER_CALL, steps, STEPS_PER_CALL), *watch_at, steps})
    return sorted({
        end for start, stop in zip([0, *stops], stops)
        for end in (*range(start + most, stop, most), stop)
    })


def _check_integers(**arguments):
    for name, (value, least) in arguments.items():
        if not isinstance(value, (int, np.integer)) or isinstance(value, bool) or value < least:
            raise ValueError(
                f"{name} must be an integer of at least {least}. Received: {name}={value!r}")
