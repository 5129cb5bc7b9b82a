"""The loss of a clone that is trained through a simulated defence."""

import dataclasses
import functools
import math

import numpy as np
import tensorflow as tf

from attacks.adversaries.guess import Undefended
from attacks.adversaries.simulated_layer import answers_of
from attacks.adversaries.simulated_layer import on_logits
from attacks.oracle.defences import layer_of
from models.training.objective import Objective

# The factor by which an optimiser moves a learned parameter faster than weights.
_SPEED = 10.0


@dataclasses.dataclass(frozen=True)
class ThroughDefence(Objective):
    """KL(answer || defence(softmax(logits))) + cross-entropy between label and logits, in nats.

    The divergence leaves out the answer's entropy, a constant. The label is that of the answer.

    A learned parameter with the open interval (low, high) is low + (high - low) s(10 v), where v is
    trained and s is the logistic sigmoid.

    Attributes:
        defence: The defence through which the clone is trained, as a member.
        learn: The parameters that are trained with the clone, of those in `Defence.ranges`, and
            the values at which they start.
        state: What the defence was fitted to, as JSON; `""` for nothing.
    """
    defence: str
    learn: tuple[tuple[str, float], ...] = ()
    state: str = ""

    def __repr__(self):
        # Digests of trainings are made of this text. Without a state it is as in old results.
        told = {"defence": self.defence, "learn": self.learn, "state": self.state}
        shown = ", ".join(
            f"{name}={value!r}" for name, value in told.items() if name != "state" or value)
        return f"ThroughDefence({shown})"

    def make_variables(self):
        variables = []
        for name, start in self.learn:
            low, high = self._layer.ranges[name]
            odds = (start - low) / (high - start)
            variables.append(tf.Variable(math.log(odds) / _SPEED, dtype="float32", name=name))
        return variables

    def learned(self, variables):
        return {name: float(value) for name, value in self._values(variables).items()}

    def losses(self, model, batch, variables):
        logits = tf.cast(model(batch.shifted, training=True), "float32")
        return self._losses(logits, batch.targets, variables)

    def held_out_loss(self, logits, targets, variables):
        losses = self._losses(tf.constant(logits, "float32"), tf.constant(targets, "float32"),
                              variables)
        return float(np.mean(losses, dtype=np.float64))

    def _losses(self, logits, answers, variables):
        seen = answers_of(self._layer, logits, self._values(variables))
        log_seen = tf.math.log(tf.maximum(seen, np.finfo(np.float32).tiny))
        labels = tf.argmax(answers, axis=1)
        return (tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits) -
                tf.reduce_sum(answers * log_seen, axis=1))

    def _values(self, variables):
        values = {}
        for (name, _), variable in zip(self.learn, variables, strict=True):
            low, high = self._layer.ranges[name]
            values[name] = low + (high - low) * tf.sigmoid(_SPEED * variable)
        return values

    @functools.cached_property
    def _layer(self):
        return on_logits(layer_of(self.defence, self.state) or Undefended())
