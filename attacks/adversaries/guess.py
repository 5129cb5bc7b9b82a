"""The defence that a thief believes to face."""

import dataclasses

from attacks.oracle.defences import AS_SERVED
from attacks.oracle.defences import resolve_defence
from revsig_keras import Defence
from revsig_keras import ReverseSigmoid
from revsig_keras.defences.catalogue import DEFENCES
from revsig_keras.defences.catalogue import make_defence


@dataclasses.dataclass(frozen=True)
class Guess:
    """A thief's belief about the defence: the deployed one, or a guessed Reverse Sigmoid.

    Attributes:
        beta: Float in (0, 2), the magnitude of the guessed Reverse Sigmoid. `0`, together with
            `gamma`: the thief is assumed to know the deployed defence, whichever it is.
        gamma: Float in (0, 1], likewise.
    """
    beta: float = 0.0
    gamma: float = 0.0

    def __post_init__(self):
        if bool(self.beta) != bool(self.gamma):
            raise ValueError("`beta` and `gamma` must be given both, as a guess, or neither, where "
                             f"the thief knows the defence. Received: beta={self.beta}, "
                             f"gamma={self.gamma}")
        if self.beta:
            ReverseSigmoid(self.beta, self.gamma)  # refuses values out of range

    def unfit(self, defence: str) -> str | None:
        """Returns why the guess means nothing against a defence (a member), or None."""
        if defence == "none":
            return "there is no defence to undo"
        if self.beta:
            return None
        if defence == AS_SERVED:
            return "an endpoint does not tell its defence, so beta and gamma must be given"
        if DEFENCES.without_secrets(defence) != defence:
            try:
                self.layer(defence)
            except ValueError:
                return "the defence cannot be simulated without its secret"
        return None

    def layer(self, defence: str) -> Defence:
        """Makes the layer that the thief simulates.

        It keeps the label if the deployed defence does. A secret of the deployed defence stays
        unknown to the thief, whose layer has the default instead.

        Args:
            defence: The deployed defence as a member.
        """
        if not self.beta:
            return make_defence(DEFENCES.without_secrets(defence))
        _, options = resolve_defence(defence)
        return ReverseSigmoid(self.beta, self.gamma, options.get("preserve_top1", True))
