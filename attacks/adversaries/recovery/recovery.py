"""The base class of adversaries that recover the victim's outputs from defended answers."""

import dataclasses

from attacks.adversaries.adversary import Adversary
from attacks.adversaries.guess import Guess
from attacks.oracle.defences import resolve_defence


@dataclasses.dataclass(frozen=True)
class Recovery(Adversary):
    """Recovers the victim's outputs as they were before the defence, and trains on them.

    The docstring of each subclass says what its thief is assumed to know.

    Args:
        beta: Float in (0, 2), the magnitude of the Reverse Sigmoid that the thief believes to face.
            `0`, together with `gamma`: the thief knows the deployed defence. Defaults to `0.0`.
        gamma: Float in (0, 1], likewise. Defaults to `0.0`.

    Raises:
        ValueError: If an argument is out of range.

    Attributes:
        name: The adversary's name in the registry, for messages.
    """
    beta: float = 0.0
    gamma: float = 0.0

    name = ""

    def __post_init__(self):
        Guess(self.beta, self.gamma)  # refuses values out of range

    @property
    def guess(self) -> Guess:
        """The defence that the thief believes to face."""
        return Guess(self.beta, self.gamma)

    def unfit(self, defence):
        reason = self.guess.unfit(defence)
        if resolve_defence(defence)[0] == "label_only":
            reason = "of a label alone there is nothing to recover"
        return reason and f"{self.name}: {reason}"
