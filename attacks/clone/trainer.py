"""Training clones: one recipe for every adversary, afresh for every cell."""

from collections.abc import Callable, Sequence
import functools
import hashlib

import keras
import numpy as np
import tensorflow as tf

from attacks.clone.clone import Clone
from attacks.clone.recipe import Recipe
from attacks.clone.shared_model import SharedModel
from attacks.clone.training import Training
from models import architectures
from models.seeds import derive
from models.training.checkpoints import Checkpoint
from models.training.optimizers import OPTIMIZERS
from models.training.plan import TrainingPlan
from models.training.trainer import Trainer


class CloneTrainer:
    """Trains clones, one at a time and each afresh; only compiled functions are kept between them.

    Args:
        input_shape: Shape of one input.
        num_classes: The number of classes.
        strategy: A `tf.distribute.Strategy`.
    """

    def __init__(self, input_shape: tuple[int, ...], num_classes: int,
                 strategy: tf.distribute.Strategy):
        self.strategy = strategy
        self._input_shape, self._num_classes = input_shape, num_classes
        self._trainers: dict[tuple, Trainer] = {}
        self._models: dict[tuple[str, str], SharedModel] = {}

    def train(self,
              training: Training,
              *,
              watch: Callable[[keras.Model, int], float] | None = None,
              progress: Callable[[int], None] | None = None,
              checkpoint: Checkpoint | None = None) -> Clone:
        """Trains a clone.

        Args:
            training: The training.
            watch: Called with the model and the step after a quarter, a half and all of the steps.
                It has no influence on the clone. Defaults to `None`.
            progress: Called with the number of steps done since its last call. Defaults to `None`.
            checkpoint: Where the unfinished training is kept. Defaults to `None`: nowhere.
        """
        train, held_out = training.split()
        start, steps, key = training.start, training.steps, training.digest()
        trainer = self._trainer(training.recipe, training.objective)
        trained = trainer.train(_plan(training, train, held_out),
                                watch=watch,
                                watch_at=sorted({max(1, steps // 4),
                                                 max(1, steps // 2), steps}),
                                progress=progress,
                                checkpoint=checkpoint and checkpoint.below(key))
        return Clone(model=self._model(training.recipe),
                     weights=trained.weights,
                     steps=trained.steps + (start.steps if start else 0),
                     train_seconds=trained.seconds + (start.train_seconds if start else 0),
                     curve=trained.watched,
                     digest=key,
                     agreement_held_out=held_out and _label_agreement(trainer, trained, held_out),
                     learned=trained.learned,
                     input_seconds=trained.input_seconds)

    def build(self, recipe: Recipe, seed: int) -> keras.Model:
        """A new model of a recipe's architecture."""
        return self._build(recipe)(seed=seed)

    def adopt(self, recipe: Recipe, weights: Sequence[np.ndarray], steps: int,
              seconds: float) -> Clone:
        """The clone with these weights; its digest is theirs."""
        hashed = hashlib.sha256()
        for weight in weights:
            hashed.update(np.ascontiguousarray(weight))
        return Clone(self._model(recipe), weights, steps, seconds, (), hashed.hexdigest()[:16])

    def forget_fitted(self) -> None:
        """Forgets compiled functions through a fitted defence, which other victims do not have."""
        self._trainers = {
            key: trainer
            for key, trainer in self._trainers.items()
            if not getattr(key[-1], "state", "")
        }

    def _trainer(self, recipe, objective):
        """One for each compiled loop: recipes that differ in their length alone share it."""
        objective = objective or recipe.objective()
        key = (recipe.architecture, recipe.precision, recipe.optimizer, recipe.schedule,
               recipe.batch_size, recipe.jit, objective)
        if key not in self._trainers:
            make_optimizer = functools.partial(OPTIMIZERS.make, recipe.optimizer)
            self._trainers[key] = Trainer(self._build(recipe), make_optimizer, recipe.batch_size,
                                          self.strategy, objective, recipe.jit, recipe.schedule)
        return self._trainers[key]

    def _model(self, recipe):
        key = recipe.architecture, recipe.precision
        if key not in self._models:
            self._models[key] = SharedModel(self._build(recipe)(seed=0))
        return self._models[key]

    def _build(self, recipe):
        return functools.partial(architectures.build,
                                 recipe.architecture,
                                 self._input_shape,
                                 self._num_classes,
                                 precision=recipe.precision)


def _plan(training, train, held_out):
    shape, changes = train.inputs.shape[1:], training.recipe.changes
    shift = changes.max_shift(shape)
    return TrainingPlan(train.inputs,
                        train.targets,
                        training.steps,
                        derive(training.seed, "clone"),
                        max_shift=max(shift, train.max_shift),
                        held_out=held_out and (held_out.inputs, held_out.targets),
                        patience=training.recipe.patience,
                        start=training.start and training.start.weights,
                        unlabelled=training.unlabelled_without(held_out),
                        unlabelled_shift=max(shift, training.unlabelled_shift),
                        augmentation=changes.augmentation(shape))


def _label_agreement(trainer, trained, held_out):
    labels = trainer.predict(trained.weights, held_out.inputs).argmax(axis=1)
    return float(np.mean(labels == held_out.answers.argmax(axis=1)))
