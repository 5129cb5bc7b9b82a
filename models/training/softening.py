"""What decides how sure a classifier gets: smoothed labels, and a temperature of its softmax."""
import dataclasses

import numpy as np
import tensorflow as tf

from models.inference import cross_entropy
from models.training.objective import Objective


def smooth(targets: np.ndarray, smoothing: float) -> np.ndarray:
    """`(1 - smoothing) targets + smoothing / classes`: Szegedy et al., arXiv 1512.00567.

    Args:
        targets: Distributions over the classes, `[n, classes]`.
        smoothing: The weight of the uniform distribution, in [0, 1). `0` returns the targets.
    """
    if not smoothing:
        return targets
    return (1 - smoothing) * targets + smoothing / targets.shape[1]


@dataclasses.dataclass(frozen=True)
class Tempered(Objective):
    """The cross-entropy between targets t and the softmax of z / T, in nats, for logits z.

    The model is later asked for the softmax of z itself. Above 1, T makes these answers surer, as
    in the defensive distillation of Papernot et al. (arXiv 1511.04508); below 1, less sure.

    Attributes:
        temperature: T, above 0.
    """
    temperature: float

    def losses(self, model, batch, variables):
        del variables
        logits = tf.cast(model(batch.shifted, training=True), "float32")
        return tf.nn.softmax_cross_entropy_with_logits(batch.targets, logits / self.temperature)

    def held_out_loss(self, logits, targets, variables):
        del variables
        return cross_entropy(logits / self.temperature, targets)
