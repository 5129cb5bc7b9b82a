"""One training loop for victims and clones, under every tf.distribute strategy."""
from collections.abc import Callable, Sequence
import contextlib
import dataclasses
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from models.data.streamed import Inputs
from models.inference import predict
from models.processes.workers import Workers
from models.training.augmentation import Draws
from models.training.batches import Batches
from models.training.batches import PairedBatches
from models.training.checkpoints import Checkpoint
from models.training.early_stopping import EarlyStopping
from models.training.learner import assign
from models.training.learner import Learner
from models.training.loop import compile_loop
from models.training.objective import Objective
from models.training.plan import as_float32
from models.training.plan import TrainingPlan
from models.training.run import TrainingRun
from models.training.schedules import check_schedule
from models.training.state import TrainingState
from revsig_keras.arguments import check_integer


@dataclasses.dataclass(frozen=True, eq=False)
class Trained:
    """The result of a training run.

    Attributes:
        weights: The weights of the trained model, as `keras.Model.get_weights` returns them.
        steps: The steps done; fewer than planned if training stopped early.
        seconds: The wall-clock time of the training steps, without compilation, `watch` and
            measurements on held-out rows.
        input_seconds: The part of `seconds` in which the steps waited for their batches.
        watched: A pair (step, value) for each step of `watch_at` that was reached.
        learned: The values of the objective's own variables, by name.
    """
    weights: Sequence[np.ndarray]
    steps: int
    seconds: float
    input_seconds: float
    watched: tuple[tuple[int, Any], ...] = ()
    learned: dict[str, float] = dataclasses.field(default_factory=dict)


class DivergedError(ValueError):
    """The weights of a model became infinite or no numbers."""


class Trainer:
    """Trains models of one architecture with one recipe, each of them afresh.

    The loss is that of an `Objective`, averaged over the global batch: by default the cross-entropy
    between soft targets and the softmax of the model's logits. A run has a fixed number of steps.
    Its batches run through one permutation of the rows after another, across their ends, so that
    every batch is full. The rows, their order and their shifts depend on the seed alone, not on the
    number of replicas. A thread gathers the next batches while the device trains. The gradients of
    a model that computes in float16 are scaled, so that small ones do not vanish.

    Why not `fit`: it fails under `MultiWorkerMirroredStrategy` (keras-team/keras#20585), and it
    compiles anew for each model. A trainer compiles its loop once. Each run starts from the
    variables of a newly built model and from the optimiser's initial state, so that no run depends
    on earlier ones.

    Args:
        build: A function of a seed that returns a Keras model which emits logits of shape `[batch,
            classes]`.
        optimizer: A function without arguments that returns a Keras optimiser.
        batch_size: Rows per step, over all replicas. With fewer rows than that, a batch is all of
            them.
        strategy: A `tf.distribute.Strategy`.
        objective: What is minimised. Defaults to `None`: an `Objective()`.
        jit: Whether XLA compiles the steps. Defaults to `False`.
        schedule: A member of `models.training.schedules.SCHEDULES`, for the learning rate. Defaults
            to `"constant"`.

    Example:

    >>> from models import architectures
    >>> from models.processes.strategy import make_strategy
    >>> build = lambda seed: architectures.build("mlp", (4,), 3, seed)
    >>> trainer = Trainer(build, keras.optimizers.Adam, 32, make_strategy("one_device"))
    >>> inputs, targets = np.zeros((90, 4)), np.eye(3).repeat(30, axis=0)
    >>> trainer.train(TrainingPlan(inputs, targets, steps=60, seed=1)).steps
    60
    """

    def __init__(self,
                 build: Callable[[int], keras.Model],
                 optimizer: Callable[[], keras.optimizers.Optimizer],
                 batch_size: int,
                 strategy: tf.distribute.Strategy,
                 objective: Objective | None = None,
                 jit: bool = False,
                 schedule: str = "constant"):
        check_schedule(schedule)
        self._batch_size = check_integer("batch_size", batch_size, least=1)
        self._build = build
        self._make_optimizer = optimizer
        self._strategy = strategy
        self._objective = objective or Objective()
        self._jit = jit
        self._schedule = schedule
        self._learner = None
        self._loops = {}

    def train(self,
              plan: TrainingPlan,
              *,
              watch: Callable[[keras.Model, int], Any] | None = None,
              watch_at: Sequence[int] = (),
              progress: Callable[[int], None] | None = None,
              checkpoint: Checkpoint | None = None) -> Trained:
        """Trains a new model.

        Args:
            plan: The rows, the steps and the seed.
            watch: A function `watch(model, step)`, called after each step in `watch_at`; see
                `Trained.watched`. It does not influence the training. Defaults to `None`.
            watch_at: Step numbers in `[1, plan.steps]`. Defaults to `()`.
            progress: A function that is called with the number of steps done since its last call.
                Defaults to `None`.
            checkpoint: Where the training is stored while it runs, and resumed from. The values of
                `watch` must then be plain data. Defaults to `None`.

        Raises:
            ValueError: If the plan does not fit the model.
            DivergedError: If the weights become infinite or no numbers.
        """
        if not all(1 <= step <= plan.steps for step in watch_at):
            raise ValueError(
                f"watch_at must hold steps from 1 to {plan.steps}. Received: watch_at={watch_at}")
        learner = self._start(plan)
        state = TrainingState(self._make_stopper(plan))
        keeping = contextlib.nullcontext()
        if checkpoint:
            keeping = checkpoint.keep(learner.variables, state)
        with keeping as kept:
            run = TrainingRun(learner, state, plan.steps, watch, frozenset(watch_at), progress,
                              kept)
            run.go(self._make_loop(plan), self._make_batches(plan))
        if not learner.is_finite():
            raise DivergedError(
                f"training diverged: within {state.done} steps the weights became infinite or "
                "no numbers. Choose a smaller learning rate")
        return Trained(learner.model.get_weights(), state.done, state.seconds, state.waited,
                       tuple(state.watched), self._objective.learned(learner.own))

    def predict(self, weights: Sequence[np.ndarray], x: Inputs) -> np.ndarray:
        """Returns the logits for `x` of a model with these weights; compiles at most once."""
        learner = self._learner or self._restart(0)
        learner.model.set_weights(weights)
        return predict(learner.model, x)

    def _restart(self, seed):
        if self._learner is None:
            self._learner = Learner(self._build, self._make_optimizer, self._objective,
                                    self._strategy, seed, self._schedule)
        else:
            self._learner.restart(seed)
        return self._learner

    def _start(self, plan):
        learner = self._restart(plan.seed)
        plan.check_fits(learner.model.input_shape[1:], learner.model.output_shape[-1])
        learner.plans(plan.steps)
        if plan.start is not None:
            assign(learner.model.weights, plan.start)
        return learner

    def _make_batches(self, plan):

        def make(inputs, targets, max_shift):
            draws = Draws(plan.augmentation, max_shift, inputs.shape[1:], plan.seed)
            return Batches(inputs, targets, self._batch_size, plan.seed, draws,
                           self._strategy.num_replicas_in_sync)

        targets = np.asarray(plan.targets, "float32")
        batches = make(as_float32(plan.inputs), targets, plan.max_shift)
        if plan.unlabelled is None:
            return batches
        unlabelled = as_float32(plan.unlabelled)
        no_targets = np.broadcast_to(np.float32(0), [len(unlabelled), targets.shape[1]])
        return PairedBatches(batches, make(unlabelled, no_targets, plan.unlabelled_shift))

    def _make_stopper(self, plan):
        if plan.held_out is None:
            return None
        inputs, targets = plan.held_out
        held_out = as_float32(inputs), np.asarray(targets, "float32")
        return EarlyStopping(self._learner, held_out, plan.patience, Workers(self._strategy))

    def _make_loop(self, plan):
        """The compiled loop, one for all plans that change images in the same ways."""
        shifted = plan.max_shift > 0 or plan.unlabelled_shift > 0
        key = shifted, plan.augmentation
        if key not in self._loops:
            augment = plan.augmentation.function(shifted)
            self._loops[key] = compile_loop(self._learner, self._strategy, augment, self._jit)
        return self._loops[key]
