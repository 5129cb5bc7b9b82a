"""The naive thief."""

from attacks.adversaries.adversary import Adversary


class Probabilities(Adversary):
    """Takes every answer for the victim's own output: the naive thief of arXiv 1806.00054.

    Formula: target_j = a_j^(1 / temperature) / (sum over the classes), the answer a itself at a
    temperature of 1.

    Assumed to know nothing of the defence, not even that there is one.

    Args:
        temperature: Float above 0. Above 1, targets are less confident than the answers, below 1
            more. Defaults to `1.0`.

    Raises:
        ValueError: If an argument is out of range.
    """

    def __init__(self, *, temperature: float = 1.0):
        if not temperature > 0:
            raise ValueError(f"`temperature` must be above 0. Received: {temperature}")
        self.temperature = temperature

    def read(self, answers, known):
        del known
        if self.temperature == 1:
            return answers
        # The largest entry becomes 1, so that a row never vanishes.
        powers = (answers / answers.max(axis=1, keepdims=True))**(1 / self.temperature)
        return powers / powers.sum(axis=1, keepdims=True)
