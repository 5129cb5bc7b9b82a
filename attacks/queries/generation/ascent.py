"""How a generator learns which inputs part the student from the victim."""

import abc

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
