"""Recovery by inverting the Reverse Sigmoid."""

import dataclasses

import numpy as np

from attacks.adversaries.recovery.inversion import Inversion
from attacks.adversaries.recovery.recovery import Recovery
from revsig_keras import ReverseSigmoid


@dataclasses.dataclass(frozen=True)
class Inverse(Recovery):
    """Computes the row from which the Reverse Sigmoid made an answer, where there is one.

    `Inversion` says how, and which row is taken where several have the same answer. An answer that
    cannot be inverted becomes its one-hot label. Most of these have a top that is tied with a
    rival, because `preserve_top1` has scaled the perturbation.

    Assumed to know that the defence is a Reverse Sigmoid, and to know or guess its parameters.
    Nothing is simulated, and no clone is needed.

    Args:
        beta, gamma: See `Recovery`.
    """
    name = "inverse"

    def unfit(self, defence):
        reason = super().unfit(defence)
        if not reason and not isinstance(self.guess.layer(defence), ReverseSigmoid):
            reason = f"{self.name}: it can invert a Reverse Sigmoid alone"
        return reason

    def read(self, answers, known):
        inversion = known.memory.recall((self, known.defence),
                                        lambda: Inversion(self.guess.layer(known.defence)))
        recovered, _ = inversion(answers)
        return recovered.astype(np.float32)
