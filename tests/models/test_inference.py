"""Predictions, and quantities computed from logits."""
import gc
import weakref

import keras
import numpy as np
import pytest

from models import architectures
from models import inference


def make_model():
    inputs = keras.Input((3,))
    return keras.Model(inputs, keras.layers.Dropout(0.5)(keras.layers.Dense(2)(inputs)))


@pytest.mark.parametrize("n", [0, 1, 4, 5, 11])
def test_predict_is_the_model_without_dropout(n):
    model, x = make_model(), np.random.default_rng(0).random((n, 3))
    actual = inference.predict(model, x.astype("float32"), batch_size=4)
    assert actual.shape == (n, 2) and actual.dtype == np.float32
    np.testing.assert_allclose(actual, x @ model.layers[1].kernel.numpy(), rtol=1e-5, atol=1e-6)


def test_predict_of_no_images():
    model = architectures.build("digits_cnn", (8, 8, 3), 5, 0)
    assert inference.predict(model, np.zeros((0, 8, 8, 3), "float32")).shape == (0, 5)


def test_predict_compiles_once_and_follows_the_weights():
    traced = []

    class Spy(keras.layers.Layer):

        def call(self, x):
            traced.append(x.dtype)
            return x

    model = make_model()
    model = keras.Model(model.input, Spy()(model.output))
    traced.clear()
    for n in (4, 3, 9):
        inference.predict(model, np.ones((n, 3), "float32"), batch_size=4)
    assert len(traced) == 1
    model.layers[1].kernel.assign(np.zeros((3, 2)))
    assert not inference.predict(model, np.ones((4, 3), "float32")).any()


def test_predict_keeps_no_model_alive():
    model = make_model()
    inference.predict(model, np.ones((4, 3), "float32"))
    reference = weakref.ref(model)
    del model
    gc.collect()
    assert reference() is None


def test_log_softmax_is_exact_in_the_tails():
    logits = np.array([[0, -1000, 30], [1e4, 0, 0]], "float32")
    log_probabilities = inference.log_softmax(logits)
    assert log_probabilities.dtype == np.float64
    np.testing.assert_allclose(
        log_probabilities,
        [[-30 - np.log1p(np.exp(-30.0)), -1030 - np.log1p(np.exp(-30.0)), -np.log1p(np.exp(-30.0))],
         [0, -1e4, -1e4]],
        rtol=1e-12,
        atol=1e-15)


def test_cross_entropy():
    assert inference.cross_entropy([[0.0, 0.0]], [[0.3, 0.7]]) == pytest.approx(np.log(2))
