"""The gradients of a generator: the estimate and the exact one, against references."""
import math

import keras
import numpy as np
import pytest
import tensorflow as tf

from attacks.queries.generation.clone_gradient import CloneGradient
from attacks.queries.generation.discrepancy import DISCREPANCIES
from attacks.queries.generation.generator import Generator
from attacks.queries.generation.rivals import Rivals
from attacks.queries.generation.zeroth_order import ZerothOrder

CLASSES = 4
RNG = np.random.default_rng(0)


def linear(seed):
    model = keras.Sequential([keras.Input([2, 3, 1]), keras.layers.Flatten()])
    model.add(keras.layers.Dense(CLASSES, kernel_initializer=keras.initializers.Orthogonal(3,
                                                                                           seed)))
    return model


STUDENT, VICTIM = linear(1), linear(2)
ACTIVATIONS = tf.constant(RNG.normal(size=(5, 2, 3, 1)), "float32")


def rivals(loss):
    return Rivals(STUDENT, Generator((2, 3, 1), (-1.0, 2.0), 3, 2, seed=0), DISCREPANCIES[loss])


def directions(count):
    drawn = RNG.normal(size=(count, 5, 2, 3, 1))
    return tf.constant(drawn / np.sqrt((drawn**2).sum(axis=(2, 3, 4), keepdims=True)), "float32")


@pytest.mark.parametrize("loss", DISCREPANCIES)
def test_the_zeroth_order_estimate_nears_the_gradient_through_victim_and_student(loss):
    pair, around = rivals(loss), directions(20000)
    ascent = ZerothOrder(20000, 1e-2)

    def answer(activations):
        return tf.nn.softmax(VICTIM(pair.generator.inputs(activations)))

    with tf.GradientTape() as tape:
        tape.watch(ACTIVATIONS)
        logits = pair.logits(pair.generator.inputs(ACTIVATIONS))
        value = -tf.reduce_mean(pair.discrepancy(logits, answer(ACTIVATIONS)))
    exact = tape.gradient(value, ACTIVATIONS)
    estimate = ascent.gradient(pair, ACTIVATIONS, around, answer(ascent.points(ACTIVATIONS,
                                                                               around)))
    error = np.linalg.norm(estimate - exact) / np.linalg.norm(exact)
    assert error < 5 * math.sqrt(6 / 20000)  # d dimensions, m directions.


def test_the_points_around_an_input_are_at_the_radius_and_the_inputs_come_first():
    ascent, around = ZerothOrder(3, 0.25), directions(3)
    points = ascent.points(ACTIVATIONS, around).numpy().reshape(4, 5, 2, 3, 1)
    np.testing.assert_array_equal(points[0], ACTIVATIONS)
    distances = np.sqrt(((points[1:] - points[0])**2).sum(axis=(2, 3, 4)))
    np.testing.assert_allclose(distances, 0.25, rtol=1e-4)


@pytest.mark.parametrize("diversity", [0.0, 2.0])
@pytest.mark.parametrize("loss", DISCREPANCIES)
def test_the_gradient_of_the_clone_takes_the_answers_as_constants(loss, diversity):
    """The reference is a central difference in each coordinate, in float64."""
    pair, ascent = rivals(loss), CloneGradient(diversity)
    labels = np.eye(CLASSES, dtype=np.float32)[[0, 1, 2, 3, 0]]
    kernel, bias = (weight.astype(np.float64) for weight in STUDENT.get_weights())

    def value(activations):
        logits = (1.5 * (1 + np.tanh(activations)) - 1).reshape(5, -1) @ kernel + bias
        shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        mean = shares.mean(axis=0)
        rows = pair.discrepancy(logits, labels.astype(np.float64)).numpy()
        return -rows.mean() + diversity * (mean * np.log(mean)).sum()

    exact, start = np.zeros((5, 2, 3, 1)), ACTIVATIONS.numpy().astype(np.float64)
    for place in np.ndindex(*exact.shape):
        step = np.zeros_like(start)
        step[place] = 1e-5
        exact[place] = (value(start + step) - value(start - step)) / 2e-5
    got = ascent.gradient(pair, ACTIVATIONS, directions(0), tf.constant(labels))
    np.testing.assert_allclose(got, exact, atol=1e-3)
