"""The base class of adversaries that learn from simulated answers to undo a defence."""

import abc
from collections.abc import Callable
import dataclasses

import numpy as np

from attacks.adversaries.recovery.recovery import Recovery
from attacks.adversaries.recovery.simulation import Pairs
from attacks.adversaries.recovery.simulation import pairs_of_dirichlet
from attacks.adversaries.recovery.simulation import pairs_of_estimates
from attacks.adversaries.recovery.simulation import pairs_of_outputs
from attacks.clone.memory import Memory
from attacks.clone.transfer_set import one_hot_labels
from revsig_keras import Defence
from revsig_keras.arguments import check_integer

_PRIORS = ("clone", "dirichlet", "estimated")

# From answers to recovered rows, both `[n, num_classes]`; it also has `nbytes`, as `Memory` wants.
Undo = Callable[[np.ndarray], np.ndarray]


@dataclasses.dataclass(frozen=True)
class SimulatedRecovery(Recovery):
    """Recovers answers with the help of simulated pairs of a clean row and its defended answer.

    A subclass says how (`undo`). An option says where the clean rows come from:

    - `clone`: from the thief's own labels-only clone, which answers the thief's whole pool, if its
      attack has one, and the queried inputs; see `simulation.pairs_of_outputs`. While an attack is
      querying, the thief has no such clone and reads labels.
    - `dirichlet`: from a prior around the labels; see `simulation.pairs_of_dirichlet`. Answers are
      recovered as they come.
    - `estimated`: from the prior of ModelGuard's public code, around the outputs for the queried
      inputs; see `simulation.pairs_of_estimates`. There they are the victim's clean outputs, which
      no thief sees; here those of the thief's labels-only clone. While an attack is querying, the
      thief reads labels.

    Assumed to know the deployed defence with its parameters, or to guess a defence, and to be able
    to compute it. It uses nothing else besides the answers and, with `prior=clone`, the pool. With
    `prior=dirichlet` it assumes that outputs are about as confident as the prior's, 0.91 on
    average.

    Args:
        beta, gamma: See `Recovery`.
        prior: String, one of `"clone"`, `"dirichlet"`, `"estimated"`. Defaults to `"clone"`.
        pairs: Integer of at least 1, the number of simulated pairs. Defaults to `100000`.
    """
    prior: str = "clone"
    pairs: int = 100_000

    def __post_init__(self):
        super().__post_init__()
        if self.prior not in _PRIORS:
            raise ValueError(f"`prior` must be one of {', '.join(_PRIORS)}. "
                             f"Received: {self.prior!r}")
        check_integer("pairs", self.pairs, least=1)

    @abc.abstractmethod
    def undo(self, pairs: Pairs, layer: Defence, seed: int, memory: Memory) -> Undo:
        """Learns from pairs how to recover answers.

        Args:
            pairs: The simulated pairs.
            layer: The defence as the thief simulates it.
            seed: Determines whatever is random.
            memory: Keeps what is computed once for all thieves of a run.
        """

    def reads(self, defence):
        return "probabilities" if self.prior == "dirichlet" else "labels"

    def read(self, answers, known):
        if self.prior != "dirichlet":
            return one_hot_labels(answers)
        num_classes = answers.shape[1]
        told = known.defence, known.defence_state
        undo = known.memory.recall((self, *told, num_classes),
                                   lambda: self._undo_dirichlet(told, num_classes, known.memory))
        return undo(answers)

    def train(self, training, known, workshop):
        if self.prior == "dirichlet":
            return workshop.train(training)
        paid, clone = training.transfer_set, workshop.train_on_labels(training)
        layer = self.belief.layer(known.defence, known.defence_state)
        outputs = clone.probabilities(paid.inputs)
        if self.prior == "estimated":
            pairs = pairs_of_estimates(layer, outputs, self.pairs, known.seed)
        else:
            outputs = np.concatenate([clone.probabilities(known.pool), outputs])
            pairs = pairs_of_outputs(layer, outputs, self.pairs, known.seed)
        undo = self.undo(pairs, layer, known.seed, known.memory)
        return workshop.train(training.with_targets(undo(paid.answers)))

    def _undo_dirichlet(self, told, num_classes, memory):
        pairs = memory.recall(
            ("pairs_of_dirichlet", self.belief, *told, num_classes, self.pairs),
            lambda: pairs_of_dirichlet(self.belief.layer(*told), num_classes, self.pairs))
        return self.undo(pairs, self.belief.layer(*told), 0, memory)
