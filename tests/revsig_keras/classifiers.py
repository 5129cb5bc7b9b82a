"""Small classifiers, what they are called with, and the ways to call them first."""
import keras
import numpy as np
import tensorflow as tf

X = np.random.default_rng(0).normal(size=(32, 6)).astype("float32")
Y = np.random.default_rng(1).integers(4, size=32)
# What is advised where logits are refused.
SOFTMAX = r"Add a softmax at its end.*ReverseSigmoid\(from_logits=True\)"


def sequential(*layers, built=True):
    return keras.Sequential([*([keras.Input((6,))] if built else []), *layers])


def dense(activation=None, units=4):
    return keras.layers.Dense(units, activation=activation)


class Subclassed(keras.Model):
    """Does not tell what it emits; counts its calls."""

    def __init__(self, activation=None, units=4):
        super().__init__()
        self.dense = dense(units=units)
        self.last = keras.activations.get(activation)
        self.calls = 0

    def call(self, inputs, training=False):
        self.calls += 1
        return self.last(self.dense(inputs))


FIRST = {
    "call": lambda model: model(X),
    "training call": lambda model: model(X, training=True),
    "predict": lambda model: model.predict(X, verbose=0),
    "predict_on_batch": lambda model: model.predict_on_batch(X),
    "evaluate": lambda model: model.evaluate(X, Y, verbose=0),
    "fit": lambda model: model.fit(X, Y, verbose=0),
    "tf.function": lambda model: tf.function(model)(X),
    "xla": lambda model: tf.function(model, jit_compile=True)(X),
    "outer": lambda model: keras.Sequential([keras.Input((6,)), model]).predict(X, verbose=0),
}
