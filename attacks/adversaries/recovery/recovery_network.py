"""Networks that recover clean rows from answers."""

from collections.abc import Sequence
import functools
import threading

import keras
import numpy as np
import tensorflow as tf

from attacks.adversaries.recovery.simulation import Pairs
from attacks.clone.shared_model import SharedModel
from models.processes.strategy import make_strategy
from models.training.objective import Objective
from models.training.plan import TrainingPlan
from models.training.trainer import Trainer

_BATCH = 1024


class RecoveryNetwork:
    """A network that recovers clean rows from answers; made by `NetworkTrainer.train`.

    Args:
        model: Answers with the weights.
        weights: The trained weights.
        keeps_labels: Whether the recovered rows get the labels of the answers.
    """

    def __init__(self, model: SharedModel, weights: Sequence[np.ndarray], keeps_labels: bool):
        self._model, self._weights, self._keeps_labels = model, weights, keeps_labels
        self.nbytes = sum(weight.nbytes for weight in weights)

    def __call__(self, answers: np.ndarray) -> np.ndarray:
        """Recovers the rows `[n, num_classes]` of answers."""
        recovered = self._model.probabilities(self._weights, answers)
        if self._keeps_labels:
            rows, labels, tops = np.arange(len(answers)), answers.argmax(1), recovered.argmax(1)
            at_label, at_top = recovered[rows, labels], recovered[rows, tops]
            recovered[rows, tops], recovered[rows, labels] = at_label, at_top
        return recovered


class NetworkTrainer:
    """Trains recovery networks for one number of classes, one at a time; its loop is compiled once.

    Args:
        num_classes: The number of classes.
    """
    nbytes = 2**20  # Of its model and its optimiser, roughly.

    def __init__(self, num_classes: int):
        build = functools.partial(build_network, num_classes)
        self._trainer = Trainer(build, lambda: keras.optimizers.SGD(1e-2, momentum=0.9), _BATCH,
                                make_strategy("one_device"), _Distance())
        self._model = SharedModel(build(seed=0))
        self._lock = threading.Lock()

    def train(self, pairs: Pairs, epochs: int, seed: int) -> RecoveryNetwork:
        """Trains a network from the answers of pairs to their clean rows.

        Args:
            pairs: The simulated pairs.
            epochs: The number of times that each pair is trained on.
            seed: Determines the initial weights and the order of the pairs.
        """
        steps = epochs * -(-len(pairs) // _BATCH)
        with self._lock:
            trained = self._trainer.train(TrainingPlan(pairs.answers, pairs.clean, steps, seed))
        return RecoveryNetwork(self._model, trained.weights, pairs.keep_labels)


class _Distance(Objective):
    """The L1 distance between the softmax of the model's logits and the targets."""

    def losses(self, model, batch, variables):
        softmax = tf.nn.softmax(model(batch.shifted, training=True))
        return tf.reduce_sum(tf.abs(softmax - batch.targets), axis=1)

    def held_out_loss(self, logits, targets, variables):
        return float(np.abs(keras.ops.softmax(logits) - targets).sum(axis=1).mean())


def build_network(num_classes: int, seed: int) -> keras.Model:
    """Builds an untrained network, from answers to logits; see `LearnedRecovery`."""
    rng = np.random.default_rng(seed)

    def dense(units):
        initializer = keras.initializers.GlorotUniform(int(rng.integers(2**31)))
        return keras.layers.Dense(units, kernel_initializer=initializer, dtype="float32")

    outputs = inputs = keras.Input((num_classes,), dtype="float32")
    for units in (128, 64) if num_classes < 100 else (1024, 512):
        outputs = keras.layers.BatchNormalization(momentum=0.9,
                                                  dtype="float32")(dense(units)(outputs))
        outputs = keras.layers.LeakyReLU(0.2, dtype="float32")(outputs)
    return keras.Model(inputs, dense(num_classes)(outputs))
