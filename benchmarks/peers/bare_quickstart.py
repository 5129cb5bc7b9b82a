"""The least that the quickstart's trainings take in Keras; imports nothing of this project.

  python bare_quickstart.py first_step   # until the first step of the victim is done
  python bare_quickstart.py whole        # the victim, and as many clones as the quickstart trains

The rows are random numbers of the same shapes. Nothing is defended, asked or measured.
"""
from concurrent import futures
import os
import sys

import keras
import numpy as np
import tensorflow as tf

VICTIM_STEPS, VICTIM_BATCH = 1000, 64
# One for each budget and seed: of undefended and of defended probabilities, and of labels, which
# are the same under both.
CLONES, CLONE_STEPS, CLONE_BATCH = 3 * 4 * 2, 600, 32
STEPS_PER_CALL = 50


class Training:
    """The quickstart's model with Adam, compiled for batches of a size."""

    def __init__(self, batch: int):
        self._batch = batch
        self._model = keras.Sequential([
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
        variables = self._model.trainable_variables
        optimizer.build(variables)
        self._variables = [*variables, *optimizer.variables]
        self._initial = [variable.numpy() for variable in self._variables]

        @tf.function
        def loop(inputs, targets):
            for i in tf.range(tf.shape(inputs)[0]):
                with tf.GradientTape() as tape:
                    logits = self._model(inputs[i], training=True)
                    losses = tf.nn.softmax_cross_entropy_with_logits(targets[i], logits)
                    loss = tf.reduce_mean(losses)
                optimizer.apply(tape.gradient(loss, variables), variables)

        self._loop = loop

    def run(self, steps: int) -> list[np.ndarray]:
        """Returns the weights after so many steps from the initial ones."""
        for variable, value in zip(self._variables, self._initial):
            variable.assign(value)
        rng = np.random.default_rng(0)
        for done in range(0, steps, STEPS_PER_CALL):
            shape = min(STEPS_PER_CALL, steps - done), self._batch
            labels = rng.integers(10, size=shape)
            self._loop(tf.constant(rng.random((*shape, 8, 8, 1), np.float32)),
                       tf.constant(np.eye(10, dtype=np.float32)[labels]))
        return self._model.get_weights()


def first_step():
    Training(VICTIM_BATCH).run(1)
    os._exit(0)  # As the other side does: what comes after is not measured.


def whole():
    """Trains the victim, and then a clone on each core at a time, as the suite does."""
    at_once = min(8, os.cpu_count())
    if at_once > 1:
        tf.config.threading.set_intra_op_parallelism_threads(1)
    Training(VICTIM_BATCH).run(VICTIM_STEPS)
    trainings = [Training(CLONE_BATCH) for _ in range(at_once)]

    def train(training, clones):
        for _ in range(clones):
            training.run(CLONE_STEPS)

    shares = [CLONES // at_once + (i < CLONES % at_once) for i in range(at_once)]
    with futures.ThreadPoolExecutor(at_once) as threads:
        list(threads.map(train, trainings, shares))


if __name__ == "__main__":
    {"first_step": first_step, "whole": whole}[sys.argv[1]]()
