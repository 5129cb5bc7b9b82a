"""Trainers of small models, and their data."""
import dataclasses
import functools

import keras
import numpy as np
import tensorflow as tf

from models import architectures
from models.processes.strategy import make_strategy
from models.training import trainer
from models.training.objective import Objective
from models.training.optimizers import OPTIMIZERS
from models.training.plan import TrainingPlan

SHAPE, CLASSES = (6, 6, 1), 3
RNG = np.random.default_rng(0)
X = RNG.random((70, *SHAPE), "float32")
TARGETS = RNG.dirichlet(np.ones(CLASSES), 70).astype("float32")


def build(seed, architecture="mlp"):
    return architectures.build(architecture, SHAPE, CLASSES, seed)


def new_trainer(replicas=1, architecture="mlp", optimizer="adam", batch_size=16, strategy=None):
    strategy = strategy or make_strategy("mirrored" if replicas > 1 else "one_device")
    return trainer.Trainer(lambda seed: build(seed, architecture),
                           lambda: OPTIMIZERS.make(optimizer), batch_size, strategy)


# One for all tests, since a trainer compiles for a second, and each of its trainings starts afresh.
make_trainer = functools.cache(new_trainer)

PLANNED = {field.name for field in dataclasses.fields(TrainingPlan)}


def weights(trained):
    return np.concatenate([weight.ravel() for weight in trained.weights])


def train(shared, inputs, targets, steps, seed, **options):
    """Trains with a plan of these options; the others are those of `Trainer.train`."""
    planned = {name: options.pop(name) for name in PLANNED & options.keys()}
    return shared.train(TrainingPlan(inputs, targets, steps, seed, **planned), **options)


class Moved(Objective):
    """The cross-entropy of logits, one of which is moved by a learned number."""

    def make_variables(self):
        return [tf.Variable(0.0, name="own")]

    def learned(self, variables):
        return {"own": float(variables[0].numpy())}

    def losses(self, model, batch, variables):
        logits = tf.cast(model(batch.shifted, training=True), "float32")
        logits += variables[0] * tf.constant([1.0, 0.0, 0.0])
        return tf.nn.softmax_cross_entropy_with_logits(batch.targets, logits)


SKEWED = np.tile(np.float32([0.8, 0.1, 0.1]), (70, 1))


def moved_trainer():
    return trainer.Trainer(build, lambda: keras.optimizers.SGD(0.1), 16,
                           make_strategy("one_device"), Moved())
