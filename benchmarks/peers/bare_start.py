"""The least that a training of Keras does until its first step; imports nothing of this project.

  python bare_start.py
"""
import os

import keras
import numpy as np
import tensorflow as tf


def main():
    # The victim of the quickstart, and a batch of its size.
    model = keras.Sequential([
        keras.Input((8, 8, 1)),
        keras.layers.Conv2D(32, 3, padding="same", activation="relu"),
        keras.layers.MaxPooling2D(),
        keras.layers.Conv2D(64, 3, padding="same", activation="relu"),
        keras.layers.MaxPooling2D(),
        keras.layers.Flatten(),
        keras.layers.Dense(64, activation="relu"),
        keras.layers.Dense(10),
    ])
    optimizer = keras.optimizers.Adam()
    optimizer.build(model.trainable_variables)

    @tf.function
    def step(x, y):
        with tf.GradientTape() as tape:
            losses = tf.nn.softmax_cross_entropy_with_logits(y, model(x, training=True))
            loss = tf.reduce_mean(losses)
        variables = model.trainable_variables
        optimizer.apply(tape.gradient(loss, variables), variables)
        return loss

    rng = np.random.default_rng(0)
    x, y = rng.random((64, 8, 8, 1), np.float32), np.eye(10, dtype=np.float32)
    step(tf.constant(x), tf.constant(y[rng.integers(10, size=64)])).numpy()
    os._exit(0)  # As the other side does: what comes after is not measured.


if __name__ == "__main__":
    main()
