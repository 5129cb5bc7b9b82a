"""The labels-only thief: the reference of every comparison."""

from attacks.adversaries.adversary import Adversary
from attacks.clone.transfer_set import one_hot_labels
from models.training.softening import smooth


class Labels(Adversary):
    """Keeps the label (lowest-index argmax) of each answer and discards the rest.

    Formula: target = (1 - smoothing) one_hot(label) + smoothing / classes.

    Assumed to know that the probabilities cannot be trusted. A defence that keeps the label can at
    best reduce every thief to this one (arXiv 1806.00054), so its curve is the reference.

    Args:
        smoothing: Float in [0, 1), the weight of the uniform row in a target. Defaults to `0.0`.

    Raises:
        ValueError: If an argument is out of range.
    """
    needs = keeps = "labels"

    def __init__(self, *, smoothing: float = 0.0):
        if not 0 <= smoothing < 1:
            raise ValueError(f"`smoothing` must be in [0, 1). Received: {smoothing}")
        self.smoothing = smoothing

    def read(self, answers, known):
        del known
        return smooth(one_hot_labels(answers), self.smoothing)
