"""Gradients with respect to inputs, compared with a plain loop."""
import gc
import weakref

import keras
import numpy as np
import pytest
import tensorflow as tf

from models import architectures
from models import gradients
from models.gradients import input_gradients

SHAPE, CLASSES = (6, 6, 1), 4
RNG = np.random.default_rng(0)
X = RNG.random((9, *SHAPE), np.float32)
LABELS = RNG.integers(0, CLASSES, 9)


def by_row(model, of):
    """A backward pass for each row, eagerly."""
    found = []
    for row, label in zip(X, LABELS):
        x = tf.constant(row[None])
        with tf.GradientTape() as tape:
            tape.watch(x)
            logits = model(x, training=False)
            score = logits[0, label]
            if of == "cross_entropy":
                score = -tf.nn.log_softmax(logits)[0, label]
        found.append(tape.gradient(score, x)[0])
    return np.stack(found)


@pytest.mark.parametrize("of", ["logit", "cross_entropy"])
@pytest.mark.parametrize("architecture", ["mlp", "mnist_cnn"])
def test_one_backward_pass_gives_the_gradient_of_every_row(of, architecture, monkeypatch):
    passes, gradient = [], tf.GradientTape.gradient

    def count(self, *args, **kwargs):
        passes.append(1)
        return gradient(self, *args, **kwargs)

    monkeypatch.setattr(tf.GradientTape, "gradient", count)
    model = architectures.build(architecture, SHAPE, CLASSES, 0)
    found = input_gradients(model, X, LABELS, of)
    assert len(passes) == 1, "traced once, for all rows and classes"
    np.testing.assert_allclose(found, by_row(model, of), atol=1e-6)


@pytest.mark.parametrize("margin", [0.0, 5.0, 18.0, 60.0])
def test_the_gradient_of_a_sure_class_is_exact(margin):
    """Where softmax rounds to 1, its own class must not drop out of the gradient."""
    model = keras.Sequential([keras.Input((3,)), keras.layers.Rescaling(1.0)])
    x = np.float32([[margin, 0, -1], [0, margin, 0.5]])
    odds = np.exp(x.astype("float64"))
    expected = odds / odds.sum(axis=1, keepdims=True)
    for row, label in enumerate((0, 1)):
        others = np.delete(odds[row], label).sum()
        expected[row, label] = -others / odds[row].sum()
    found = input_gradients(model, x, np.array([0, 1]), of="cross_entropy")
    np.testing.assert_allclose(found, expected, rtol=1e-4)


def test_batches_are_concatenated_and_no_rows_have_no_gradients(monkeypatch):
    model = architectures.build("mlp", SHAPE, CLASSES, 0)
    whole = input_gradients(model, X, LABELS)
    monkeypatch.setattr(gradients, "rows_at_once", lambda shape: 4)
    np.testing.assert_allclose(input_gradients(model, X, LABELS), whole, atol=1e-6)
    assert input_gradients(model, X[:0], LABELS[:0]).shape == (0, *SHAPE)


def test_another_score_is_refused():
    with pytest.raises(ValueError, match="`of` must be one of logit, cross_entropy. Received: 'p'"):
        input_gradients(None, X, LABELS, of="p")


def test_no_model_is_kept_alive():
    model = architectures.build("mlp", SHAPE, CLASSES, 0)
    input_gradients(model, X, LABELS)
    reference = weakref.ref(model)
    del model
    gc.collect()
    assert reference() is None
