"""Recovery by inverting the Reverse Sigmoid."""

import dataclasses
import functools

import numpy as np

from attacks.adversaries.recovery.inversion import Inversion
from attacks.adversaries.recovery.recovery import Recovery
from revsig_keras import ReverseSigmoid


@dataclasses.dataclass(frozen=True)
class Inverse(Recovery):
    """Computes the row that the Reverse Sigmoid made an answer of, where there is one.

    How, and which row is taken where there are several, says `Inversion`. An answer that cannot be
    inverted becomes its one-hot label: above all one whose top is tied with a rival, because
    `preserve_top1` has scaled its perturbation.

    Assumed to know that the defence is a Reverse Sigmoid, and its parameters, or to guess them.
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
        recovered, _ = _inversion(self.guess, known.defence)(answers)
        return recovered.astype(np.float32)


@functools.lru_cache(maxsize=64)
def _inversion(guess, defence):
    return Inversion(guess.layer(defence))
