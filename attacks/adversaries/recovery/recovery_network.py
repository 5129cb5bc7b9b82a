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
_RATE, _MOMENTUM, _HALVED_EVERY_EPOCHS = 1e-2, 0.9, 100
# The factor of half the sum of the squares of all trained variables, which is added to the loss:
# PyTorch's weight decay, which the momentum sees too.
_WEIGHT_DECAY = 1e-4
# Units of the hidden layers, from these numbers of classes on.
_HIDDEN = {200: (2048, 1024), 100: (1024, 512), 43: (512, 256), 0: (128, 64)}


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
    """Trains recovery networks from pairs of one size, one at a time; its loop is compiled once.

    Args:
        num_classes: The number of classes.
        pairs: The number of pairs.
    """
    nbytes = 2**20  # Of its model and its optimiser, roughly.

    def __init__(self, num_classes: int, pairs: int):
        build = functools.partial(build_network, num_classes)
        self._epoch_steps = -(-pairs // _BATCH)
        self._trainer = Trainer(build, self._make_optimizer, _BATCH, make_strategy("one_device"),
                                _Distance())
        self._model = SharedModel(build(seed=0))
        self._lock = threading.Lock()

    def train(self, pairs: Pairs, epochs: int, seed: int) -> RecoveryNetwork:
        """Trains a network from the answers of pairs to their clean rows.

        Args:
            pairs: The simulated pairs.
            epochs: The number of times that each pair is trained on.
            seed: Determines the initial weights and the order of the pairs.
        """
        steps = epochs * self._epoch_steps
        with self._lock:
            trained = self._trainer.train(TrainingPlan(pairs.answers, pairs.clean, steps, seed))
        return RecoveryNetwork(self._model, trained.weights, pairs.keep_labels)

    def _make_optimizer(self):
        rate = keras.optimizers.schedules.ExponentialDecay(_RATE,
                                                           _HALVED_EVERY_EPOCHS * self._epoch_steps,
                                                           0.5,
                                                           staircase=True)
        return keras.optimizers.SGD(rate, momentum=_MOMENTUM)


class _Distance(Objective):
    """The L1 distance between the softmax of the model's logits and the targets, with weight
    decay."""

    def losses(self, model, batch, variables):
        softmax = tf.nn.softmax(model(batch.shifted, training=True))
        decay = tf.add_n([tf.nn.l2_loss(variable) for variable in model.trainable_variables])
        return tf.reduce_sum(tf.abs(softmax - batch.targets), axis=1) + _WEIGHT_DECAY * decay

    def held_out_loss(self, logits, targets, variables):
        return float(np.abs(keras.ops.softmax(logits) - targets).sum(axis=1).mean())


def build_network(num_classes: int, seed: int) -> keras.Model:
    """Builds an untrained network, from answers to logits; see `LearnedRecovery`."""
    rng = np.random.default_rng(seed)
    hidden = next(units for least, units in _HIDDEN.items() if num_classes >= least)
    outputs = inputs = keras.Input((num_classes,), dtype="float32")
    for units in (*hidden, num_classes):
        # PyTorch's default: uniform up to 1 / sqrt(fan in).
        initializer = keras.initializers.VarianceScaling(1 / 3, "fan_in", "uniform",
                                                         int(rng.integers(2**31)))
        for layer in (
                keras.layers.Dense(units, kernel_initializer=initializer, dtype="float32"),
                keras.layers.BatchNormalization(momentum=0.9, epsilon=1e-5, dtype="float32"),
                keras.layers.LeakyReLU(0.2, dtype="float32"),
        ):
            outputs = layer(outputs)
    return keras.Model(inputs, outputs)
