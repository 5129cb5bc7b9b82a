"""Recovery by inverting the Reverse Sigmoid."""

import dataclasses

import numpy as np

from attacks.adversaries.guess import Undefended
from attacks.adversaries.recovery.inversion import Inversion
from attacks.adversaries.recovery.recovery import Recovery
from revsig_keras import ReverseSigmoid


@dataclasses.dataclass(frozen=True)
class Inverse(Recovery):
    """Computes the row from which the Reverse Sigmoid made an answer, where there is one.

    `Inversion` says how, and which row is taken where several have the same answer. An answer that
    cannot be inverted becomes its one-hot label. Most of these have a top that is tied with a
    rival, because `preserve_top1` has scaled the perturbation.

    Assumed to know that the defence is a Reverse Sigmoid, and to know or guess its parameters. A
    thief who knows that there is no defence takes the answers as they are.
    Nothing is simulated, and no clone is needed.

    Args:
        beta, gamma, guess, know_secret: See `Recovery`.
    """
    name = "inverse"

    def unfit(self, defence):
        reason = super().unfit(defence)
        inverted = ReverseSigmoid, Undefended
        if not reason and not isinstance(self.belief.layer(defence), inverted):
            reason = f"{self.name}: it can invert a Reverse Sigmoid alone"
        return reason

    def read(self, answers, known):
        if self.belief.simulated(known.defence) == "none":
            return answers
        told = known.defence, known.defence_state
        inversion = known.memory.recall((self, *told), lambda: Inversion(self.belief.layer(*told)))
        recovered, _ = inversion(answers)
        return recovered.astype(np.float32)
