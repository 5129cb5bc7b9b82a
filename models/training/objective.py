"""What training minimises."""
import keras
import numpy as np
import tensorflow as tf

from models.inference import cross_entropy


class Objective:
    """The cross-entropy between soft targets and the softmax of the model's logits.

    A subclass may give each row another loss, and may have variables of its own that are trained
    with the model's.
    """

    def build(self) -> list[tf.Variable]:
        """Makes the objective's own trainable variables; called once, in the strategy's scope."""
        return []

    def learned(self) -> dict[str, float]:
        """The values of these variables, by name."""
        return {}

    def losses(self, model: keras.Model, inputs: tf.Tensor, moved: tf.Tensor,
               targets: tf.Tensor) -> tf.Tensor:
        """The loss of each row, in nats, `[n]`.

        Args:
            model: emits logits `[n, classes]`.
            inputs: a batch `[n, ...]`.
            moved: the same batch after the random shifts of this step, which is trained on.
            targets: `[n, classes]`, of zeros for unlabelled inputs.
        """
        del inputs
        logits = tf.cast(model(moved, training=True), "float32")
        return tf.nn.softmax_cross_entropy_with_logits(targets, logits)

    def held_out_loss(self, logits: np.ndarray, targets: np.ndarray) -> float:
        """The mean loss of rows that are not trained on, by which early stopping decides."""
        return cross_entropy(logits, targets)
