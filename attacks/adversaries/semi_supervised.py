"""The thief that also learns from inputs that it did not query."""

import dataclasses

import tensorflow as tf

from attacks.adversaries.adversary import Adversary
from attacks.adversaries.bayes import Bayes
from attacks.clone import shifts
from attacks.clone.transfer_set import one_hot_labels
from models.training.objective import Objective

_TARGETS = ("labels", "probabilities", "recovered")


@dataclasses.dataclass(frozen=True)
class Consistency(Objective):
    """Cross-entropy for queried inputs, consistency for unlabelled ones.

    The loss of an unlabelled input, whose targets are zeros, is the cross-entropy between the
    clone's own label for it and the clone's answer for the shifted input. It counts only if the
    probability of that label is at least `threshold`: Sohn et al., FixMatch, arXiv 2001.07685.

    Attributes:
        threshold: The least probability at which the clone's own label counts.
    """
    threshold: float

    def losses(self, model, batch, variables):
        logits = tf.cast(model(batch.inputs, training=False), "float32")
        own = tf.stop_gradient(tf.nn.softmax(logits))
        guessed = tf.one_hot(tf.argmax(own, axis=1), own.shape[1])
        is_labelled = tf.reduce_sum(batch.targets, axis=1) > 0.5
        counts = tf.logical_or(is_labelled, tf.reduce_max(own, axis=1) >= self.threshold)
        targets = tf.where(is_labelled[:, None], batch.targets, guessed)
        losses = super().losses(model, batch._replace(targets=targets), variables)
        return tf.cast(counts, "float32") * losses


class SemiSupervised(Adversary):
    """Trains on the answers that it paid for, and on its whole pool for consistency under shifts.

    In the spirit of S4L (Zhai et al., arXiv 1905.03670): inputs that are not queried cost nothing
    and still show what the domain looks like. Each step takes a batch of queried inputs and a batch
    of the pool, with the loss of `Consistency`. The images of the pool are shifted at random, the
    pixels at their edges repeated. The queried images are augmented as the recipe says, for this
    thief as for every other.

    Assumed to know, with `targets=labels`, that the probabilities cannot be trusted, as the
    labels-only thief does. The thief of `targets=probabilities` takes them for the victim's own
    output, which is right where nothing is defended. The thief of `targets=recovered` knows the
    defence and reads the answers as `Bayes` does by default. All have more inputs than they can pay
    for. Where the attack makes its own inputs, the pool is the queried ones. Each step has twice as
    many rows as a step of other thieves.

    Args:
        threshold: Float in [0, 1], the least probability at which the clone believes its own
            label. Defaults to `0.95`.
        shift: Float in (0, 0.5], the largest shift of the pool's images as a fraction of their
            shorter side. Defaults to `0.1`.
        targets: String, `"labels"`, `"probabilities"` or `"recovered"`, what the queried inputs are
            trained on. Defaults to `"labels"`.

    Raises:
        ValueError: If an argument is out of range.
    """

    def __init__(self, threshold: float = 0.95, shift: float = 0.1, *, targets: str = "labels"):
        if not 0 <= threshold <= 1:
            raise ValueError(f"`threshold` must be in [0, 1]. Received: {threshold}")
        if not 0 < shift <= 0.5:
            raise ValueError(f"`shift` must be in (0, 0.5]. Received: {shift}")
        if targets not in _TARGETS:
            raise ValueError(f"`targets` must be one of {', '.join(_TARGETS)}. "
                             f"Received: {targets!r}")
        self.threshold = threshold
        self.shift = shift
        self.needs = self.keeps = "labels" if targets == "labels" else "probabilities"
        self._recovery = Bayes() if targets == "recovered" else None

    def unfit(self, defence):
        reason = self._recovery and self._recovery.unfit(defence)
        return reason and f"semi_supervised:targets=recovered, as {reason}"

    def check(self, input_shape):
        shifts.check(self.shift, 1, input_shape, "semi_supervised")

    def read(self, answers, known):
        if self._recovery:
            return self._recovery.read(answers, known)
        return one_hot_labels(answers) if self.needs == "labels" else answers

    def train(self, training, known, workshop):
        paid = training.transfer_set.inputs
        return workshop.train(
            dataclasses.replace(training,
                                objective=Consistency(self.threshold),
                                unlabelled=known.pool if len(known.pool) else paid,
                                unlabelled_shift=shifts.pixels(self.shift, paid.shape[1:])))
