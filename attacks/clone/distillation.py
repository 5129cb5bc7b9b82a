"""The loss of clones that learn from labels and probabilities together, or at a temperature."""

import dataclasses

import numpy as np
import tensorflow as tf

from models.inference import cross_entropy
from models.training.objective import Objective


@dataclasses.dataclass(frozen=True)
class Distillation(Objective):
    """`(1 - w) T^2 CE(t_T, z / T) + w CE(label(t), z)`, in nats.

    CE is the cross-entropy between targets and the softmax of logits z, and `t_T` the softmax of
    `log(t) / T`: Hinton et al., arXiv 1503.02531.

    Attributes:
        label_weight: w, the weight of the label, the argmax of the targets t.
        temperature: T, of targets and logits alike.
    """
    label_weight: float
    temperature: float

    def losses(self, model, batch, variables):
        del variables
        logits = tf.cast(model(batch.shifted, training=True), "float32")
        labels = tf.one_hot(tf.argmax(batch.targets, axis=1), logits.shape[1])
        log_targets = tf.math.log(tf.maximum(batch.targets, np.finfo(np.float32).tiny))
        targets = tf.nn.softmax(log_targets / self.temperature)
        loss = tf.nn.softmax_cross_entropy_with_logits
        soft = loss(targets, logits / self.temperature)
        return ((1 - self.label_weight) * self.temperature**2 * soft +
                self.label_weight * loss(labels, logits))

    def held_out_loss(self, logits, targets, variables):
        del variables
        powers = np.asarray(targets, "float64")**(1 / self.temperature)
        soft = cross_entropy(logits / self.temperature, powers / powers.sum(-1, keepdims=True))
        labels = np.eye(targets.shape[1])[targets.argmax(-1)]
        return ((1 - self.label_weight) * self.temperature**2 * soft +
                self.label_weight * cross_entropy(logits, labels))
