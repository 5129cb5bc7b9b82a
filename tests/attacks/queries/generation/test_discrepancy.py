"""The discrepancies: what they are zero for, and what zeros do to them."""
import numpy as np
import pytest
import tensorflow as tf

from attacks.queries.generation.discrepancy import DISCREPANCIES

LOGITS = np.random.default_rng(3).normal(size=(50, 6)).astype(np.float32)


def softmax(logits):
    return tf.nn.softmax(logits).numpy()


@pytest.mark.parametrize("name", DISCREPANCIES)
def test_it_is_zero_for_the_victims_own_answers_and_positive_otherwise(name):
    centred = LOGITS - LOGITS.mean(axis=1, keepdims=True)
    np.testing.assert_allclose(DISCREPANCIES[name](centred, softmax(LOGITS)), 0, atol=1e-5)
    assert np.all(DISCREPANCIES[name](centred, softmax(LOGITS[::-1])) > 0.01)


def test_l1_is_the_distance_of_the_logits_without_their_means():
    student = LOGITS[::-1]
    centred = LOGITS - LOGITS.mean(axis=1, keepdims=True)
    np.testing.assert_allclose(DISCREPANCIES["l1"](student, softmax(LOGITS)),
                               np.abs(student - centred).mean(axis=1),
                               rtol=1e-4)


def test_kl_of_a_label_is_the_cross_entropy():
    labels = np.eye(6, dtype=np.float32)[LOGITS.argmax(axis=1)]
    np.testing.assert_allclose(DISCREPANCIES["kl"](LOGITS, labels),
                               -np.log(softmax(LOGITS).max(axis=1)),
                               rtol=1e-4)


@pytest.mark.parametrize("name", DISCREPANCIES)
def test_answers_of_zero_give_finite_values_and_gradients(name):
    logits, labels = tf.constant(100 * LOGITS), tf.eye(6)[:1]
    with tf.GradientTape() as tape:
        tape.watch(logits)
        values = DISCREPANCIES[name](logits, labels)
    assert np.isfinite(values).all() and np.isfinite(tape.gradient(values, logits)).all()
