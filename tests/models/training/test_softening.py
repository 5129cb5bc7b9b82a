"""Smoothed labels and a softmax with a temperature."""
import keras
import numpy as np
import pytest

from models.inference import cross_entropy
from models.processes.strategy import make_strategy
from models.training.softening import smooth
from models.training.softening import Tempered
from models.training.trainer import Trainer
from tests.models.training.trainers import CLASSES
from tests.models.training.trainers import SHAPE
from tests.models.training.trainers import SKEWED
from tests.models.training.trainers import train
from tests.models.training.trainers import X


@pytest.mark.parametrize("smoothing", [0, 0.1, 0.5])
def test_smoothed_targets_are_a_mean_of_targets_and_the_uniform_row(smoothing):
    targets = np.eye(4, dtype="float32")[[2, 0]]
    wanted = np.full([2, 4], smoothing / 4)
    wanted[[0, 1], [2, 0]] += 1 - smoothing
    smoothed = smooth(targets, smoothing)
    np.testing.assert_allclose(smoothed, wanted, rtol=1e-6)
    assert smoothed.dtype == targets.dtype


@pytest.mark.parametrize("temperature", [0.5, 1.0, 4.0])
def test_a_temperature_divides_the_logits(temperature):
    """From logits of 0, the first step is the difference to the uniform row over T."""

    def build(seed):
        del seed
        inputs = keras.Input(SHAPE)
        logits = keras.layers.Dense(CLASSES, kernel_initializer="zeros")
        return keras.Model(inputs, logits(keras.layers.Flatten()(inputs)))

    shared = Trainer(build, lambda: keras.optimizers.SGD(1.0), len(X), make_strategy("one_device"),
                     Tempered(temperature))
    bias = train(shared, X, SKEWED, 1, 0).weights[-1]
    np.testing.assert_allclose(bias, (SKEWED.mean(0) - 1 / CLASSES) / temperature, atol=1e-6)
    logits = np.random.default_rng(0).normal(size=SKEWED.shape)
    assert Tempered(temperature).held_out_loss(logits, SKEWED, ()) == pytest.approx(
        cross_entropy(logits / temperature, SKEWED))
