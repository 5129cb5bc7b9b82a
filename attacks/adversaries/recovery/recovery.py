"""The base class of adversaries that recover the victim's outputs from defended answers."""

import dataclasses

from attacks.adversaries.adversary import Adversary
from attacks.adversaries.guess import Guess
from attacks.oracle.defences import resolve_defence
from revsig_keras.defences.catalogue import DEFENCES


@dataclasses.dataclass(frozen=True)
class Recovery(Adversary):
    """Recovers the victim's outputs as they were before the defence, and trains on them.

    The docstring of each subclass says what its thief is assumed to know.

    Args:
        beta: Float in (0, 2), the magnitude of the Reverse Sigmoid that the thief believes to face.
            `0`, together with `gamma`: no such guess. Defaults to `0.0`.
        gamma: Float in (0, 1], likewise. Defaults to `0.0`.
        guess: String, a member of `DEFENCES`, the defence that the thief believes to face, such as
            `reverse_sigmoid:beta=.5`, in a member `guess=reverse_sigmoid:guess_beta=.5`. Defaults
            to `""`: the thief knows the deployed defence.
        know_secret: Boolean, whether a thief who knows the deployed defence also knows its secrets.
            Defaults to `False`.

    Raises:
        ValueError: If an argument is out of range.

    Attributes:
        name: The adversary's name in the registry, for messages.
    """
    beta: float = 0.0
    gamma: float = 0.0
    guess: str = dataclasses.field(default="", kw_only=True)
    know_secret: bool = dataclasses.field(default=False, kw_only=True)

    nested = {"guess": DEFENCES}
    name = ""

    def __post_init__(self):
        self.belief  # Refuses values out of range.

    @property
    def belief(self) -> Guess:
        """The defence that the thief believes to face."""
        return Guess(self.beta, self.gamma, self.guess, self.know_secret)

    def unfit(self, defence):
        reason = self.belief.unfit(defence)
        if resolve_defence(defence)[0] == "label_only":
            reason = "of a label alone there is nothing to recover"
        return reason and f"{self.name}: {reason}"

    def check_classes(self, num_classes):
        self.belief.check_classes(num_classes)
