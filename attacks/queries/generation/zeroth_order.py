"""The generator's gradient through the victim, estimated from its answers."""

import math

import tensorflow as tf

from attacks.queries.generation.ascent import Ascent


class ZerothOrder(Ascent):
    """Forward differences along random directions, through the victim and the student.

    Formula: the gradient of a batch of n at an activation a is -d / (n m r) sum_i (D(a + r u_i) -
    D(a)) u_i, of m random unit vectors u_i in d dimensions (Truong et al. and Kariyappa et al.,
    both CVPR 2021). D is the discrepancy of a point, whose answer is queried. The loss is the mean
    of -D.

    Args:
        directions: The number m.
        radius: The length r.
    """

    def __init__(self, directions: int, radius: float):
        self.directions, self._radius = directions, radius

    def points(self, activations, directions):
        around = activations[None] + self._radius * directions
        return tf.concat([activations, tf.reshape(around, [-1, *activations.shape[1:]])], 0)

    def gradient(self, rivals, activations, directions, targets):
        points = self.points(activations, directions)
        losses = rivals.discrepancy(rivals.logits(rivals.generator.inputs(points)), targets)
        shape = activations.shape[1:]
        losses = tf.reshape(losses, [1 + self.directions, -1, *[1] * len(shape)])
        slopes = math.prod(shape) * (losses[1:] - losses[:1]) / self._radius
        rows = tf.cast(tf.shape(activations)[0], "float32")
        return -tf.reduce_mean(slopes * directions, 0) / rows
