"""The thief that knows the defence and trains through it."""

import dataclasses
import math

import numpy as np
import tensorflow as tf

from attacks.adversaries.adversary import Adversary
from attacks.adversaries.guess import Guess
from models.training.objective import Objective
from revsig_keras import reverse_sigmoid
from revsig_keras import ReverseSigmoid

# Initial values of learned scalars, and the factor by which an optimiser moves them faster than
# weights.
_START, _SPEED = 0.5, 10.0


@dataclasses.dataclass(frozen=True)
class ThroughDefence(Objective):
    """KL(answer || defence(softmax(logits))) + cross-entropy between label and logits, in nats.

    The divergence leaves out the answer's entropy, a constant. The label is that of the answer.

    Attributes:
        beta, gamma, preserve_top1: The Reverse Sigmoid through which the clone is trained.
        learn: Whether beta and gamma are trainable and start at the given values:
            beta = 2 s(10 b), gamma = s(10 g), where b and g are trained and s is the logistic
            sigmoid.
    """
    beta: float
    gamma: float
    preserve_top1: bool
    learn: bool

    def make_variables(self):
        if not self.learn:
            return []
        starts = {"beta": self.beta / 2, "gamma": self.gamma}
        return [
            tf.Variable(math.log(value / (1 - value)) / _SPEED, dtype="float32", name=name)
            for name, value in starts.items()
        ]

    def learned(self, variables):
        if not self.learn:
            return {}
        beta, gamma = self._parameters(variables)
        return {"beta": float(beta), "gamma": float(gamma)}

    def losses(self, model, batch, variables):
        logits = tf.cast(model(batch.shifted, training=True), "float32")
        return self._losses(logits, batch.targets, variables)

    def held_out_loss(self, logits, targets, variables):
        losses = self._losses(tf.constant(logits, "float32"), tf.constant(targets, "float32"),
                              variables)
        return float(np.mean(losses, dtype=np.float64))

    def _losses(self, logits, answers, variables):
        beta, gamma = self._parameters(variables)
        seen = reverse_sigmoid(logits, beta, gamma, self.preserve_top1, from_logits=True)
        log_seen = tf.math.log(tf.maximum(seen, np.finfo(np.float32).tiny))
        labels = tf.argmax(answers, axis=1)
        return (tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits) -
                tf.reduce_sum(answers * log_seen, axis=1))

    def _parameters(self, variables):
        if not self.learn:
            return self.beta, self.gamma
        beta, gamma = (tf.sigmoid(_SPEED * variable) for variable in variables)
        return 2 * beta, gamma


class Aware(Adversary):
    """Trains the clone with the defence as its last layer, and then removes the layer.

    The defence-aware adversary of arXiv 1806.00054: the clone is trained so that its outputs match
    the answers after *a Reverse Sigmoid was applied to them*, with the loss of `ThroughDefence`. It
    starts from the thief's own labels-only clone, is trained for as many steps again, and is
    evaluated without the layer.

    Assumed to know that the defence is a Reverse Sigmoid and whether it keeps the label; by default
    also its beta and gamma. With guesses, the thief is as good as they are; with `learn`, it learns
    the two together with its clone.

    Args:
        beta: Float in (0, 2), the guess. Defaults to `0`: that of the deployed defence.
        gamma: Float in (0, 1], likewise, given together with `beta`. Defaults to `0`.
        learn: Boolean, whether beta and gamma are trainable scalars. They start at the guess, or at
            1/2 if there is none. Defaults to `False`.

    Raises:
        ValueError: If a guess is out of range.
    """

    def __init__(self, beta: float = 0.0, gamma: float = 0.0, learn: bool = False):
        guess = (_START, _START) if learn and not beta and not gamma else (beta, gamma)
        self._guess = Guess(*guess)
        if learn and self._guess.gamma == 1:
            raise ValueError("`gamma` must be below 1 where it is learned. Received: gamma=1")
        self.learn = learn

    def unfit(self, defence):
        reason = self._guess.unfit(defence)
        if not reason and not isinstance(self._guess.layer(defence), ReverseSigmoid):
            reason = f"it trains through a Reverse Sigmoid, and {defence} is none"
        return reason and f"aware against {defence}: {reason}"

    def read(self, answers, known):
        del known
        return answers

    def train(self, training, known, workshop):
        layer = self._guess.layer(known.defence)
        objective = ThroughDefence(layer.beta, layer.gamma, layer.preserve_top1, self.learn)
        start = workshop.train_on_labels(training)
        return workshop.train(dataclasses.replace(training, objective=objective, start=start))
