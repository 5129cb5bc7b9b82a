"""Objectives with variables of their own, and early stopping by an objective."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from models import architectures
from models.inference import cross_entropy
from models.inference import predict
from models.processes.strategy import make_strategy
from models.training import run
from models.training import trainer
from models.training.objective import Objective
from tests.models.training.trainers import CLASSES
from tests.models.training.trainers import make_trainer
from tests.models.training.trainers import moved_trainer
from tests.models.training.trainers import SHAPE
from tests.models.training.trainers import SKEWED
from tests.models.training.trainers import TARGETS
from tests.models.training.trainers import train
from tests.models.training.trainers import weights
from tests.models.training.trainers import X


def test_the_variables_of_an_objective_are_trained_and_start_afresh():
    shared = moved_trainer()
    first, other, again = (train(shared, X, SKEWED, steps, 1).learned for steps in (40, 5, 40))
    assert first == again and 0 < other["own"] < first["own"]


def test_early_stopping_restores_the_variables_of_the_objective_too():
    """They are those of the step whose model is restored."""
    shared, contrary = moved_trainer(), np.roll(SKEWED, 1, axis=1)
    stopped = train(shared, X, SKEWED, 1000, 1, held_out=(X, contrary), patience=2)
    assert stopped.steps < 1000
    learned, model = stopped.learned, weights(stopped)
    best = train(shared, X, SKEWED, stopped.steps - 2 * run.STEPS_PER_CALL, 1)
    assert best.learned == learned
    np.testing.assert_array_equal(weights(best), model)


class TenTimes(Objective):
    """The mean logit, counted ten times for rows without a label."""

    def losses(self, model, batch, variables):
        logits = tf.cast(model(batch.shifted, training=True), "float32")
        is_labelled = tf.reduce_sum(batch.targets, axis=1) > 0.5
        return tf.where(is_labelled, 1.0, 10.0) * tf.reduce_mean(logits, axis=1)


@pytest.mark.parametrize("replicas", [1, 2])
def test_each_step_has_a_batch_of_labelled_and_one_of_unlabelled_rows(replicas):
    """The mean loss of each kind counts once, however many rows and replicas there are."""

    def build(seed):
        inputs = keras.Input(SHAPE)
        logits = keras.layers.Dense(CLASSES, kernel_initializer="zeros", name="logits")
        return keras.Model(inputs, logits(keras.layers.Flatten()(inputs)))

    shared = trainer.Trainer(build, lambda: keras.optimizers.SGD(1.0), 16,
                             make_strategy("mirrored" if replicas > 1 else "one_device"),
                             TenTimes())
    trained = train(shared, X, TARGETS, 1, 0, unlabelled=X[:23])
    bias = trained.weights[-1]
    np.testing.assert_allclose(bias, -(1 + 10) / CLASSES, rtol=1e-5)


def test_early_stopping_restores_the_best():
    """With held-out targets that contradict the training, so that it soon gets worse."""
    contrary = np.roll(TARGETS, 1, axis=1)
    shared = make_trainer(optimizer="adam:learning_rate=0.01")
    losses = []
    stopped = train(
        shared,
        X,
        TARGETS,
        1000,
        0,
        held_out=(X, contrary),
        patience=3,
        watch_at=range(50, 1001, 50),
        watch=lambda model, step: losses.append(cross_entropy(predict(model, X), contrary)))
    assert stopped.steps == 50 * (np.argmin(losses) + 1 + 3) < 1000
    assert cross_entropy(shared.predict(stopped.weights, X), contrary) == min(losses)


def test_early_stopping_does_not_change_a_run_that_improves():
    shared = make_trainer(optimizer="sgd:learning_rate=0.001")
    plain = weights(train(shared, X, TARGETS, 70, 0))
    with_check = train(shared, X, TARGETS, 70, 0, held_out=(X, TARGETS), patience=1)
    assert with_check.steps == 70
    np.testing.assert_array_equal(weights(with_check), plain)


def test_gradients_that_float16_cannot_hold_are_not_lost():
    """Each is about 1e-9, below float16's smallest number, unless the loss is scaled."""

    class Faint(Objective):

        def losses(self, *arguments):
            return super().losses(*arguments) * 1e-7

    def change(precision):

        def build(seed):
            return architectures.build("mlp", SHAPE, CLASSES, seed, precision)

        shared = trainer.Trainer(build, lambda: keras.optimizers.SGD(1e6), 16,
                                 make_strategy("one_device"), Faint())
        kernel = train(shared, X, TARGETS, 1, 0).weights[0]
        return kernel - build(0).get_weights()[0]

    wanted = change("float32")
    np.testing.assert_allclose(change("mixed_float16"),
                               wanted,
                               rtol=0,
                               atol=np.abs(wanted).max() / 50)
