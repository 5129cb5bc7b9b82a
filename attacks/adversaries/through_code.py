"""The loss of a clone that explains the answers of a coded defence."""

import dataclasses
import functools
import math

import numpy as np
import tensorflow as tf

from attacks.oracle.defences import layer_of
from models.training.objective import Objective

# The scale of the logistic noise in a clone's confidence, in nats.
_SCALE_NATS = 0.5
# Stands for infinite log-odds.
_FAR = 1e9


@dataclasses.dataclass(frozen=True)
class ThroughCode(Objective):
    """Minus the log-likelihood of the label and the confidence bucket that an answer tells.

    The answers of a coded defence are piecewise constant, so no gradient flows through them. Their
    likelihood has one: the clone's label is drawn from its softmax, and the log-odds u of its own
    probability for the label c get logistic noise of the scale s = 0.5 nats. All that is observed
    of them is the bucket, which begins at log-odds t and ends at t'. In nats, for logits z:

    ```
    u = z_c - logsumexp(all other z)
    loss = -log softmax(z)_c - log(sigmoid((t' - u) / s) - sigmoid((t - u) / s))
         = -log softmax(z)_c + softplus((u - t') / s) + softplus((t - u) / s)
           - log(1 - exp((t - t') / s))
    ```

    That is the cumulative link model of ordered responses (McCullagh, Regression Models for Ordinal
    Data, JRSS B 42, 1980) with known thresholds, t = log((1 - e) / e) of an edge e. The
    bucket hardly moves a clone inside it, and one far outside by a gradient of 1 / s in u.

    Where the code tells the order of the first classes, the first term is that of the order: the
    sum of minus log softmax over the classes that are left, for one after the other (Plackett,
    The Analysis of Permutations, 1975).

    Attributes:
        defence: The coded defence, as a member.
        state: What it was fitted to, as JSON; `""` for nothing.
    """
    defence: str
    state: str = ""

    def losses(self, model, batch, variables):
        del variables
        return self._losses(tf.cast(model(batch.shifted, training=True), "float32"), batch.targets)

    def held_out_loss(self, logits, targets, variables):
        del variables
        losses = self._losses(tf.constant(logits, "float32"), tf.constant(targets, "float32"))
        return float(np.mean(losses, dtype=np.float64))

    def _losses(self, logits, answers):
        shares = np.array(self._layer.table(answers.shape[1])["label_shares"])
        begin, end = (tf.constant(ends, "float32") for ends in self._thresholds)
        # In float64: neighbouring shares may differ in the last bit of float32.
        tops = tf.cast(tf.reduce_max(answers, axis=1), "float64")
        bucket = tf.reduce_sum(tf.cast(tops[:, None] > (shares[1:] + shares[:-1]) / 2, "int32"), 1)
        begin, end = tf.gather(begin, bucket), tf.gather(end, bucket)
        order = tf.math.top_k(answers, self._layer.ordered_classes).indices
        losses, log_odds = _losses_of_order(logits, order)
        within = (tf.nn.softplus((log_odds - end) / _SCALE_NATS) + tf.nn.softplus(
            (begin - log_odds) / _SCALE_NATS) - tf.math.log1p(-tf.exp((begin - end) / _SCALE_NATS)))
        return losses + within

    @functools.cached_property
    def _thresholds(self):
        """The log-odds at which each bucket begins and ends, the least sure one first."""
        edges = np.array(self._layer.code.edges)
        inner = np.log1p(-edges) - np.log(edges)
        return np.append(-_FAR, inner), np.append(inner, _FAR)

    @functools.cached_property
    def _layer(self):
        return layer_of(self.defence, self.state)


def _losses_of_order(logits, order):
    """Minus the log-likelihood of the order of the first classes, and the log-odds of the first.

    Args:
        logits: Tensor `[n, classes]`.
        order: Tensor `[n, ordered classes]`, the indices of these classes.
    """
    total, log_odds, left = 0.0, None, logits
    for place in tf.unstack(order, axis=1):
        is_it = tf.one_hot(place, logits.shape[1], on_value=True, off_value=False, dtype="bool")
        own = tf.reduce_sum(tf.where(is_it, logits, 0.0), axis=1)
        left = tf.where(is_it, -math.inf, left)
        rest = tf.reduce_logsumexp(left, axis=1)
        total += tf.nn.softplus(rest - own)
        log_odds = own - rest if log_odds is None else log_odds
    return total, log_odds
