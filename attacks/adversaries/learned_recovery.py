"""Recovery by a network that was trained on simulated answers."""

import dataclasses
import functools
import threading

import keras
import numpy as np
import tensorflow as tf

from attacks.adversaries.recovery.remembered import remembered
from attacks.adversaries.recovery.simulated_recovery import SimulatedRecovery
from attacks.adversaries.recovery.simulation import Pairs
from models.inference import probabilities
from models.processes.strategy import make_strategy
from models.seeds import derive
from models.training.objective import Objective
from models.training.plan import TrainingPlan
from models.training.trainer import Trainer

_BATCH = 1024

# All networks of the process share a trainer and a model, whose loops are compiled once.
_LOCK = threading.Lock()


@dataclasses.dataclass(frozen=True)
class LearnedRecovery(SimulatedRecovery):
    """Recovers answers by a network (the D-DAE+ of ModelGuard, USENIX Security 2024).

    The network has two hidden layers, of 128 and 64 units for fewer than 100 classes and of 1,024
    and 512 otherwise, each with batch normalisation (whose running averages have a momentum of 0.9)
    and a leaky ReLU of slope 0.2, and a softmax. It is trained from answers to clean rows on
    simulated pairs, to a small L1 distance, summed over the classes, by SGD with a learning rate of
    0.01, a momentum of 0.9 and batches of 1,024. Where the defence keeps the label
    of all pairs, the entry of an answer's label changes places with the largest one if the network
    puts another class on top.

    Published are 1,000,000 pairs and 200 epochs. The default takes seconds on 2 cores.

    What the thief is assumed to know, `SimulatedRecovery` says, as it does of the other options.

    Args:
        epochs: Integer of at least 1, how often each pair is trained on. Defaults to `20`.
    """
    epochs: int = 20

    name = "learned_recovery"

    def __post_init__(self):
        super().__post_init__()
        if self.epochs < 1:
            raise ValueError(f"`epochs` must be at least 1. Received: {self.epochs}")

    def undo(self, pairs, seed):
        return RecoveryNetwork(pairs, self.epochs, derive(seed, "recovery network"))

    def undo_by_prior(self, defence, num_classes):
        return _network_by_prior(self, defence, num_classes)


@remembered(64)
def _network_by_prior(learned, defence, num_classes):
    return learned.undo(learned.dirichlet_pairs(defence, num_classes), seed=0)


class RecoveryNetwork:
    """A network from answers to clean rows; see `LearnedRecovery`.

    Args:
        pairs: What it is trained on.
        epochs: How often.
        seed: Of the initial weights and of the batches.
    """

    def __init__(self, pairs: Pairs, epochs: int, seed: int):
        self._num_classes, self._keep_labels = pairs.clean.shape[1], pairs.keep_labels
        steps = epochs * -(-len(pairs) // _BATCH)
        with _LOCK:
            plan = TrainingPlan(pairs.answers, pairs.clean, steps, seed)
            self._weights = _trainer(self._num_classes).train(plan).weights

    def __call__(self, answers: np.ndarray) -> np.ndarray:
        """Recovers rows `[n, num_classes]`."""
        with _LOCK:
            model = _model(self._num_classes)
            model.set_weights(self._weights)
            recovered = probabilities(model, answers)
        if self._keep_labels:
            rows, labels, tops = np.arange(len(answers)), answers.argmax(1), recovered.argmax(1)
            recovered[rows, tops], recovered[rows, labels] = (recovered[rows,
                                                                        labels], recovered[rows,
                                                                                           tops])
        return recovered


class _Distance(Objective):
    """The L1 distance between the softmax of the model's logits and the targets."""

    def losses(self, model, batch, variables):
        softmax = tf.nn.softmax(model(batch.shifted, training=True))
        return tf.reduce_sum(tf.abs(softmax - batch.targets), axis=1)

    def held_out_loss(self, logits, targets, variables):
        return float(np.abs(keras.ops.softmax(logits) - targets).sum(axis=1).mean())


@remembered(None)
def _trainer(num_classes):
    return Trainer(functools.partial(_build, num_classes),
                   lambda: keras.optimizers.SGD(1e-2, momentum=0.9), _BATCH,
                   make_strategy("one_device"), _Distance())


@remembered(None)
def _model(num_classes):
    return _build(num_classes, seed=0)


def _build(num_classes, seed):
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
