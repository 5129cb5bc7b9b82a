"""How a generator learns which inputs part the student from the victim."""

import abc
import math

import tensorflow as tf

from attacks.queries.generation.rivals import Rivals


class Ascent(abc.ABC):
    """Finds the direction in which the inputs of a batch raise the discrepancy.

    Attributes:
        directions: The number of further points that are queried around each input.
    """
    directions = 0

    def points(self, activations: tf.Tensor, directions: tf.Tensor) -> tf.Tensor:
        """The activations to query: those of the batch, then those of the points around them.

        Args:
            activations: Of a batch of inputs, `[n, ...]`.
            directions: Unit vectors `[directions, n, ...]`.

        Returns:
            Tensor `[(1 + directions) n, ...]`.
        """
        del directions
        return activations

    @abc.abstractmethod
    def gradient(self, rivals: Rivals, activations: tf.Tensor, directions: tf.Tensor,
                 targets: tf.Tensor) -> tf.Tensor:
        """The gradient of the generator's loss with respect to the activations, `[n, ...]`.

        Args:
            rivals: The student and the generator.
            activations, directions: As for `points`.
            targets: The targets of all points, `[(1 + directions) n, num_classes]`.
        """


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
