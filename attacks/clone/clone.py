"""Training clones: one recipe for every adversary, afresh for every cell."""

import collections
from collections.abc import Callable, Sequence
import dataclasses
import functools
import hashlib
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from attacks.clone.recipe import CloneConfig
from attacks.clone.transfer_set import TransferSet
from attacks.oracle.oracle import digest
from models import architectures
from models.data.streamed import chunks
from models.data.streamed import Inputs
from models.inference import probabilities
from models.processes.workers import Workers
from models.seeds import derive
from models.training.checkpoints import Checkpoint
from models.training.objective import Objective
from models.training.optimizers import OPTIMIZERS
from models.training.plan import TrainingPlan
from models.training.trainer import Trainer

# Neighbours in the grid train the same clones: where the label survives the defence and the thief
# uses labels only, and where a thief begins with its labels-only clone. So they are trained once,
# as long as their weights fit in here.
_REMEMBERED_BYTES = 2**28


@dataclasses.dataclass(frozen=True, eq=False)
class Clone:
    """A trained clone.

    Attributes:
        weights: As `keras.Model.get_weights` gives them.
        steps: Steps trained, those of the clones that it started from included.
        train_seconds: Seconds that the training took, without compilation and `watch`; likewise.
        curve: Pairs of a step and what `watch` returned there.
        digest: Hexadecimal digest of all that the training depends on; equal digests are the same
            clone.
        agreement_held_out: Share of the thief's own held-out rows on which the clone has the label
            that was answered, or None where none are held out.
        learned: What the objective has learned besides, by name.
        input_seconds: Seconds of the training in which it waited for its batches, without those of
            the clones that it started from.
    """
    weights: Sequence[np.ndarray]
    steps: int
    train_seconds: float
    curve: tuple[tuple[int, float], ...]
    digest: str
    agreement_held_out: float | None = None
    learned: dict[str, float] = dataclasses.field(default_factory=dict)
    input_seconds: float = 0.0

    @property
    def watched_last(self) -> float | None:
        """What `watch` returned of the clone as it is, or None if that is not known.

        Where rows were held out, it may be the clone of an earlier step.
        """
        return self.curve[-1][1] if self.curve and self.agreement_held_out is None else None

    def describe(self) -> dict[str, Any]:
        """The part that goes into the record of a cell."""
        return {
            "steps": self.steps,
            "train_seconds": self.train_seconds,
            "input_seconds": self.input_seconds,
            "digest": self.digest,
            "agreement_validation_curve": [list(point) for point in self.curve],
            "learned": self.learned,
        }


class CloneTrainer:
    """Trains the clones of a run.

    Args:
        config: The recipe.
        input_shape: Shape of one input.
        num_classes: The number of classes.
        strategy: A `tf.distribute.Strategy`.
    """

    def __init__(self, config: CloneConfig, input_shape: tuple[int, ...], num_classes: int,
                 strategy: tf.distribute.Strategy):
        self.config = config
        self._build = functools.partial(architectures.build,
                                        config.architecture,
                                        input_shape,
                                        num_classes,
                                        precision=config.precision)
        self._strategy = strategy
        self._trainers: dict[Objective | None, Trainer] = {}
        self._remembered: collections.OrderedDict[str, Clone] = collections.OrderedDict()

    def course(self, seed: int, **options) -> "Course":
        """How one clone is to be trained; see `Course`."""
        return Course(self, seed, **options)

    def model(self, clone: Clone) -> keras.Model:
        """The clone as a model that emits logits; valid until the next call."""
        self._model.set_weights(clone.weights)
        return self._model

    @functools.cached_property
    def _model(self):
        return self._build(0)

    def train(self, stolen: TransferSet, seed: int, steps: int, objective: Objective | None,
              start: Clone | None, unlabelled: Inputs | None, unlabelled_shift: int,
              watch: Callable[[keras.Model, int], float] | None,
              progress: Callable[[int], None] | None, checkpoint: Checkpoint | None) -> Clone:
        """Trains one clone, or remembers it; called by `Course.train`."""
        workers = Workers(self._strategy)
        key = self._digest(stolen, seed, steps, objective, start, unlabelled, unlabelled_shift)
        if workers.any(key != workers.agree(key))[0]:  # Answers differ by rounding: the chief's.
            stolen, steps = stolen.agreed(workers), workers.agree(steps)
            if isinstance(unlabelled, np.ndarray):
                unlabelled = workers.agree_array(unlabelled)
            key = self._digest(stolen, seed, steps, objective, start, unlabelled, unlabelled_shift)
        if key in self._remembered:
            self._remembered.move_to_end(key)
            if progress:
                progress(self._remembered[key].steps)
            return self._remembered[key]
        train, held_out = _hold_out(stolen, self.config.held_out, seed)
        if held_out and unlabelled is not None:
            unlabelled = _without(unlabelled, held_out.inputs)
        plan = TrainingPlan(train.inputs,
                            train.targets,
                            steps,
                            derive(seed, "clone"),
                            max_shift=train.max_shift,
                            held_out=held_out and (held_out.inputs, held_out.targets),
                            patience=self.config.patience,
                            start=start and start.weights,
                            unlabelled=unlabelled,
                            unlabelled_shift=unlabelled_shift)
        trainer = self._trainer(objective)
        trained = trainer.train(plan,
                                watch=watch,
                                watch_at=sorted({max(1, steps // 4),
                                                 max(1, steps // 2), steps}),
                                progress=progress,
                                checkpoint=checkpoint and checkpoint.below(key))
        clone = Clone(trained.weights, trained.steps + (start.steps if start else 0),
                      trained.seconds + (start.train_seconds if start else 0), trained.watched, key,
                      held_out and _label_agreement(trainer, trained, held_out), trained.learned,
                      trained.input_seconds)
        self._remember(clone)
        return clone

    def _trainer(self, objective):
        """One for each objective: its loop is compiled once."""
        if objective not in self._trainers:
            make_optimizer = functools.partial(OPTIMIZERS.make, self.config.optimizer)
            self._trainers[objective] = Trainer(self._build, make_optimizer, self.config.batch_size,
                                                self._strategy, objective, self.config.jit)
        return self._trainers[objective]

    def _remember(self, clone):
        self._remembered[clone.digest] = clone
        size = sum(weight.nbytes for weight in clone.weights)
        while len(self._remembered) > max(1, _REMEMBERED_BYTES // size):
            self._remembered.popitem(last=False)

    def _digest(self, stolen, seed, steps, objective, start, unlabelled, unlabelled_shift):
        described = (self.config.describe(), stolen.max_shift, seed)
        hashed = hashlib.sha256(repr(described).encode())
        hashed.update(np.ascontiguousarray(stolen.inputs))
        hashed.update(np.ascontiguousarray(stolen.targets))
        special = (steps != self.config.steps and steps, objective, start and start.digest)
        if any(special) or unlabelled is not None:
            hashed.update(repr((*special, unlabelled_shift)).encode())
            for chunk in () if unlabelled is None else chunks(unlabelled):
                hashed.update(np.ascontiguousarray(chunk))
        return hashed.hexdigest()[:16]


class Course:
    """How one clone is to be trained, for an adversary to say on what.

    Args:
        clones: Trains it.
        seed: Seed of the initial weights, the order of the rows, dropout and shifts.
        epochs: How often each row is trained on, at most the steps of the recipe in all. Defaults
            to `None`: as many steps as the recipe says.
        start: The clone whose weights it starts from. Defaults to `None`: new weights.
        watch: Called with the model and the step after a quarter, a half and all of the steps.
        progress: Called with the number of steps done since its last call.
        checkpoint: Where what is trained is kept while it is trained. Defaults to `None`.
    """

    def __init__(self,
                 clones: CloneTrainer,
                 seed: int,
                 epochs: int | None = None,
                 start: Clone | None = None,
                 watch: Callable[[keras.Model, int], float] | None = None,
                 progress: Callable[[int], None] | None = None,
                 checkpoint: Checkpoint | None = None):
        self._clones, self._seed, self._epochs, self._start = clones, seed, epochs, start
        self._watch, self._progress, self._checkpoint = watch, progress, checkpoint

    def train(self,
              stolen: TransferSet,
              objective: Objective | None = None,
              start: Clone | None = None,
              unlabelled: Inputs | None = None,
              unlabelled_shift: int = 0) -> Clone:
        """Trains the clone.

        Args:
            stolen: What the thief paid for, with the targets to train on.
            objective: What is minimised, hashable. Defaults to `None`: the cross-entropy.
            start: A clone to start from instead of that of the course. Defaults to `None`.
            unlabelled: Inputs that cost nothing; see `models.training.trainer.Trainer.train`.
            unlabelled_shift: Likewise.
        """
        return self._train(stolen, objective, start or self._start, unlabelled, unlabelled_shift,
                           self._progress)

    def train_on_labels(self, stolen: TransferSet) -> Clone:
        """The thief's own labels-only clone, with which a thief begins who knows the defence."""
        return self._train(stolen.with_labels(), None, self._start, None, 0, None)

    def probabilities(self, clone: Clone, inputs: Inputs) -> np.ndarray:
        """What a clone answers, `[n, num_classes]`."""
        return probabilities(self._clones.model(clone), inputs)

    def _train(self, stolen, objective, start, unlabelled, unlabelled_shift, progress):
        return self._clones.train(stolen, self._seed, self._steps(len(stolen)), objective, start,
                                  unlabelled, unlabelled_shift, self._watch, progress,
                                  self._checkpoint)

    def _steps(self, rows):
        config = self._clones.config
        if self._epochs is None:
            return config.steps
        rows -= _held_rows(rows, config.held_out)
        return min(config.steps, max(1, self._epochs * rows // min(config.batch_size, rows)))


def _held_rows(rows, share):
    """How many of so many rows are held out: of two or more at least one, and not all of them."""
    return min(max(1, round(share * rows)), rows - 1) if share else 0


def _without(inputs, others):
    """The inputs that are not among the others."""
    known = set(map(digest, others))
    is_new = [digest(row) not in known for row in inputs]
    return inputs.take(np.flatnonzero(is_new), axis=0)


def _label_agreement(trainer, trained, held_out):
    labels = trainer.predict(trained.weights, held_out.inputs).argmax(axis=1)
    return float(np.mean(labels == held_out.answers.argmax(axis=1)))


def _hold_out(stolen, share, seed):
    """Splits off the part that early stopping is decided on; at least one row on either side."""
    held = _held_rows(len(stolen), share)
    if not held:
        return stolen, None
    order = np.random.default_rng(derive(seed, "held out")).permutation(len(stolen))
    return stolen.part(order[held:]), stolen.part(order[:held])
