"""Trains a student and a generator against each other."""

import time

import keras
import numpy as np
import tensorflow as tf

from attacks.queries.generation.ascent import Ascent
from attacks.queries.generation.rivals import Rivals


class Duel:
    """The steps in which a student and a generator are trained, each compiled once.

    The victim is not part of it: its answers are arguments.

    Args:
        rivals: The student and the generator.
        ascent: How the generator learns.
        student_optimizer: Keras optimiser of the student.
        generator_optimizer: Keras optimiser of the generator.

    Attributes:
        student: The student.
        steps: The training steps of the student so far.
        seconds: The time that they took, without compilation.
    """

    def __init__(self, rivals: Rivals, ascent: Ascent,
                 student_optimizer: keras.optimizers.Optimizer,
                 generator_optimizer: keras.optimizers.Optimizer):
        self.student, self.steps, self.seconds = rivals.student, 0, 0.0
        self._rivals, self._ascent = rivals, ascent
        self._student_optimizer, self._generator_optimizer = student_optimizer, generator_optimizer
        student_optimizer.build(rivals.student.trainable_variables)
        generator_optimizer.build(rivals.generator.variables)
        shape, classes = rivals.generator.input_shape, rivals.student.output_shape[-1]
        noise = _spec(None, rivals.generator.latent)
        around, answered = _spec(ascent.directions, None, *shape), _spec(None, classes)
        self._make = _compiled(self._inputs, noise)
        self._points = _compiled(self._inputs_around, noise, around)
        self._teach_generator = _compiled(self._step_generator, noise, around, answered)
        self._teach_student = _compiled(self._step_student, _spec(None, None, *shape),
                                        _spec(None, None, classes))

    def make(self, noise: np.ndarray) -> np.ndarray:
        """Inputs `[n, ...]` from noise `[n, latent]`."""
        return self._make(tf.constant(noise)).numpy()

    def points(self, noise: np.ndarray, directions: np.ndarray) -> np.ndarray:
        """The inputs to query for a step of the generator; see `Ascent.points`."""
        return self._points(tf.constant(noise), tf.constant(directions)).numpy()

    def train_generator(self, noise: np.ndarray, directions: np.ndarray,
                        targets: np.ndarray) -> None:
        """Trains the generator for one step, with the targets of `points`."""
        self._teach_generator(tf.constant(noise), tf.constant(directions), tf.constant(targets))

    def train_student(self, inputs: np.ndarray, targets: np.ndarray) -> None:
        """Trains the student for a step on each batch.

        Args:
            inputs: The batches, `[steps, n, ...]`.
            targets: Their targets, `[steps, n, num_classes]`.
        """
        began = time.perf_counter()
        self._teach_student(tf.constant(inputs), tf.constant(targets))
        self.steps += len(inputs)
        self.seconds += time.perf_counter() - began

    def _inputs(self, noise):
        return self._rivals.generator.inputs(self._rivals.generator.activations(noise))

    def _inputs_around(self, noise, directions):
        activations = self._rivals.generator.activations(noise)
        return self._rivals.generator.inputs(self._ascent.points(activations, directions))

    def _step_generator(self, noise, directions, targets):
        generator = self._rivals.generator
        with tf.GradientTape() as tape:
            activations = generator.activations(noise)
        slope = self._ascent.gradient(self._rivals, activations, directions, targets)
        gradients = tape.gradient(activations, generator.variables, output_gradients=slope)
        self._generator_optimizer.apply(gradients)

    def _step_student(self, inputs, targets):
        variables = self.student.trainable_variables
        for step in tf.range(tf.shape(inputs)[0]):
            with tf.GradientTape() as tape:
                logits = self._rivals.logits(inputs[step], training=True)
                loss = tf.reduce_mean(self._rivals.discrepancy(logits, targets[step]))
            self._student_optimizer.apply(tape.gradient(loss, variables))


def _spec(*shape):
    return tf.TensorSpec(shape, "float32")


def _compiled(function, *specs):
    return tf.function(function, input_signature=specs).get_concrete_function()
