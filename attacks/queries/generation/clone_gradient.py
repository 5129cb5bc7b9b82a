"""The generator's gradient through the student alone."""

import tensorflow as tf

from attacks.queries.generation.ascent import Ascent


class CloneGradient(Ascent):
    """Backpropagation through the student alone, which costs no queries.

    The answers are taken as constants, so labels will do. The loss is -mean D - w H, with the
    discrepancy D of a row and the entropy H, in nats, of the student's mean answer, which holds the
    generator to inputs of all classes (Sanyal et al., CVPR 2022).

    Args:
        diversity: The weight w.
    """

    def __init__(self, diversity: float):
        self._diversity = diversity

    def gradient(self, rivals, activations, directions, targets):
        with tf.GradientTape() as tape:
            tape.watch(activations)
            logits = rivals.logits(rivals.generator.inputs(activations))
            mean = tf.reduce_mean(tf.nn.softmax(logits), 0)
            entropy = -tf.reduce_sum(tf.math.xlogy(mean, mean))
            gained = tf.reduce_mean(rivals.discrepancy(logits, targets))
            loss = -gained - self._diversity * entropy
        return tape.gradient(loss, activations)
