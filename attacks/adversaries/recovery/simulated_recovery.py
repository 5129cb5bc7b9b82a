"""The base of the adversaries that learn from simulated answers to undo a defence."""

import abc
from collections.abc import Callable
import dataclasses

import numpy as np

from attacks.adversaries.recovery.recovery import Recovery
from attacks.adversaries.recovery.simulation import Pairs
from attacks.adversaries.recovery.simulation import pairs_of_dirichlet
from attacks.adversaries.recovery.simulation import pairs_of_outputs
from attacks.clone.transfer_set import one_hot_labels

_PRIORS = ("clone", "dirichlet")

# From answers to recovered rows, both `[n, num_classes]`.
Undo = Callable[[np.ndarray], np.ndarray]


@dataclasses.dataclass(frozen=True)
class SimulatedRecovery(Recovery):
    """Recovers answers by means of pairs of a clean row and what the defence makes of it.

    A subclass says how (`undo`). Where the clean rows come from is an option:

    - `clone`: from the thief's own labels-only clone, which answers the thief's whole pool, if its
      attack has one, and the queried inputs; see `simulation.pairs_of_outputs`. While an attack is
      asking, the thief has no such clone, and reads labels.
    - `dirichlet`: the published prior; see `simulation.pairs_of_dirichlet`. Answers are recovered
      as they come.

    Assumed to know the deployed defence with its parameters, or to guess a Reverse Sigmoid of given
    ones, and to be able to compute it; with `prior=clone`, nothing else besides the answers and the
    pool. With `prior=dirichlet`, that outputs are about as sure as the prior's, 0.91 in the mean.

    Args:
        beta, gamma: See `Recovery`.
        prior: String, one of `"clone"`, `"dirichlet"`. Defaults to `"clone"`.
        pairs: Integer of at least 1, how many pairs are simulated. Defaults to `100000`.
    """
    prior: str = "clone"
    pairs: int = 100_000

    def __post_init__(self):
        super().__post_init__()
        if self.prior not in _PRIORS:
            raise ValueError(f"`prior` must be one of {', '.join(_PRIORS)}. "
                             f"Received: {self.prior!r}")
        if self.pairs < 1:
            raise ValueError(f"`pairs` must be at least 1. Received: {self.pairs}")

    @abc.abstractmethod
    def undo(self, pairs: Pairs, seed: int) -> Undo:
        """Learns from pairs to recover answers."""

    @abc.abstractmethod
    def undo_by_prior(self, defence: str, num_classes: int) -> Undo:
        """The same for the pairs of `dirichlet_pairs`; made once per process."""

    def dirichlet_pairs(self, defence: str, num_classes: int) -> Pairs:
        """Pairs of the published prior."""
        return pairs_of_dirichlet(self.guess, defence, num_classes, self.pairs)

    def read(self, answers, known):
        if self.prior == "clone":
            return one_hot_labels(answers)
        return self.undo_by_prior(known.defence, answers.shape[1])(answers)

    def train(self, stolen, known, course):
        if self.prior == "dirichlet":
            return course.train(stolen)
        clone = course.train_on_labels(stolen)
        outputs = np.concatenate(
            [course.probabilities(clone, inputs) for inputs in (known.pool, stolen.inputs)])
        layer = self.guess.layer(known.defence)
        undo = self.undo(pairs_of_outputs(layer, outputs, self.pairs, known.seed), known.seed)
        return course.train(stolen.with_targets(undo(stolen.answers)))
