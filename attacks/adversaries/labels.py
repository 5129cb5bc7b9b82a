"""The labels-only thief: the reference of every comparison."""

from attacks.adversaries.adversary import Adversary
from attacks.clone.transfer_set import one_hot_labels


class Labels(Adversary):
    """Keeps the label (lowest-index argmax) of each answer and discards the rest.

    Assumed to know that the probabilities cannot be trusted. A defence that keeps the label can at
    best reduce every thief to this one (arXiv 1806.00054), so its curve is the reference.
    """
    needs = "labels"

    def read(self, answers, known):
        del known
        return one_hot_labels(answers)
