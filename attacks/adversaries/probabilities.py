"""The naive thief."""

from attacks.adversaries.adversary import Adversary


class Probabilities(Adversary):
    """Takes every answer for the victim's own output: the naive thief of arXiv 1806.00054.

    Assumed to know nothing of the defence, not even that there is one.
    """

    def read(self, answers, known):
        del known
        return answers
