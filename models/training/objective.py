"""The loss that training minimises."""
from collections.abc import Sequence
import json
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from models.inference import cross_entropy


class Batch(NamedTuple):
    """The rows of one step on one replica.

    Attributes:
        inputs: Inputs `[n, ...]`.
        shifted: The same inputs after the random shifts, and all other augmentation, of this step.
        targets: Targets `[n, classes]`, zeros for unlabelled inputs.
    """
    inputs: tf.Tensor
    shifted: tf.Tensor
    targets: tf.Tensor


class Objective:
    """The cross-entropy between soft targets and the softmax of the model's logits.

    A subclass may compute another loss and may have variables that are trained with the model's. An
    objective holds no state: its methods receive the variables, in the order of `make_variables`.

    Objectives of equal `repr` are one objective: a training that was stopped is resumed by that
    of the same objective alone. By default it names the class and its attributes. Where JSON cannot
    hold these, or the class was defined in a function, it stands for this object alone.
    """

    def __repr__(self):
        kind = type(self)
        try:
            attributes = json.dumps(self.__getstate__(), sort_keys=True)
        except (TypeError, ValueError):
            return super().__repr__()
        if "<locals>" in kind.__qualname__:  # What the function knows may be part of the loss.
            return super().__repr__()
        return f"<{kind.__module__}.{kind.__qualname__} {attributes}>"

    def make_variables(self) -> list[tf.Variable]:
        """Returns new trainable variables; called once per trainer, in the strategy's scope."""
        return []

    def learned(self, variables: Sequence[tf.Variable]) -> dict[str, float]:
        """Returns what the variables mean, by name."""
        del variables
        return {}

    def losses(self, model: keras.Model, batch: Batch,
               variables: Sequence[tf.Variable]) -> tf.Tensor:
        """Returns the loss of each row in nats, shape `[n]`.

        Args:
            model: Emits logits `[n, classes]`.
            batch: The `Batch`. By default its shifted inputs are trained on.
            variables: The objective's variables.
        """
        del variables
        logits = tf.cast(model(batch.shifted, training=True), "float32")
        return tf.nn.softmax_cross_entropy_with_logits(batch.targets, logits)

    def held_out_loss(self, logits: np.ndarray, targets: np.ndarray,
                      variables: Sequence[tf.Variable]) -> float:
        """Returns the mean loss on held-out rows, which decides early stopping."""
        del variables
        return cross_entropy(logits, targets)
