"""How the Reverse Sigmoid perturbs."""
from typing import NamedTuple

from revsig_keras.defences.numerics.probabilities import Tensor


class Strength(NamedTuple):
    """How rows are perturbed.

    Attributes:
        beta: The magnitude, a number or a tensor that broadcasts to one number per row.
        gamma: How fast it saturates, likewise.
        preserve_top1: Whether each row keeps its label.
        step: Epsilon of the output's dtype.
        shift: By how many roundings of the computation the lead of the top is raised, to see how
            far rounding may move an answer; see `softmax_scores.slack`.
    """
    beta: float | Tensor
    gamma: float | Tensor
    preserve_top1: bool
    step: float
    shift: float = 0.0
