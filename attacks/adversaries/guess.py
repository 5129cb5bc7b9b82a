"""What a thief takes the defence for."""

import dataclasses

from attacks.oracle.defences import AS_SERVED
from attacks.oracle.defences import resolve_defence
from revsig_keras import Defence
from revsig_keras import ReverseSigmoid
from revsig_keras.defences.catalogue import make_defence


@dataclasses.dataclass(frozen=True)
class Guess:
    """The defence that a thief believes to face.

    Attributes:
        beta: Float in (0, 2): a Reverse Sigmoid of this magnitude. `0`, together with `gamma`: the
            deployed defence, whichever it is, which the thief is then assumed to know.
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
        """Why a guess means nothing against a defence, as written, or None."""
        if defence == "none":
            return "there is no defence to undo"
        if defence == AS_SERVED and not self.beta:
            return "an endpoint does not tell its defence, so beta and gamma must be given"
        return None

    def layer(self, defence: str) -> Defence:
        """The defence as the thief simulates it, whether its label is kept as where it is deployed.

        Args:
            defence: The deployed one, as written.
        """
        if not self.beta:
            return make_defence(defence)
        _, options = resolve_defence(defence)
        return ReverseSigmoid(self.beta, self.gamma, options.get("preserve_top1", True))
