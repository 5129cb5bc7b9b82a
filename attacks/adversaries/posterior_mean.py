"""The reader that knows what the victim answers elsewhere: no thief, but stronger than one."""

from collections.abc import Sequence
import dataclasses
import sys

import numpy as np

from attacks.adversaries.adversary import Adversary
from attacks.adversaries.bayes import Lookup
from attacks.adversaries.guess import Guess
from attacks.adversaries.recovery.code_lookup import CodeMeans
from attacks.adversaries.recovery.simulation import apply
from attacks.adversaries.recovery.simulation import Pairs
from attacks.clone.transfer_set import one_hot_labels
from attacks.oracle.oracle import digest
from revsig_keras import Defence
from revsig_keras.defences.coded.base import CodedDefence

# Knows the deployed defence with its secrets.
_DEPLOYED = Guess(know_secret=True)


class PosteriorMean(Adversary):
    """Replaces an answer by the mean of the *victim's own* clean outputs for other inputs that it
    answers alike.

    The other inputs are those of the thief's pool that it did not ask; their clean outputs y_i are
    the victim's, which no thief sees. So it is no thief, but a reader that is stronger than a real
    one can be: where the pool is large, it has the posterior mean of the clean output, given the
    answer. It does not bound every clone: a thief may also learn from how its own clone errs.

    Formula: against a coded defence, that of `CodeMeans`, the mean of the y_i with the label and
    the bucket of the answer, shrunk towards the mean of its bucket whatever the label; against
    others, that of `Bayes` with the pairs (y_i, answer to i). Answers of an undefended victim are
    taken as they are. An attack that adapts to its targets sees labels: the targets of a clone are
    computed when all queries are known.

    Assumed to know the defence with its secrets, and the victim's clean outputs for the pool of its
    attack, where it did not ask. Behind an endpoint nobody knows these, so there it is left out.

    Args:
        prior_rows: Float above 0, the rows' worth of the bucket's mean. Defaults to `5.0`.
        tolerance: Float of at least 0, the L1 distance up to which all answers count as alike.
            Without effect on coded defences. Defaults to `0.01`.

    Raises:
        ValueError: If an argument is out of range.
    """
    sees_clean = True

    def __init__(self, prior_rows: float = 5.0, tolerance: float = 0.01):
        if not prior_rows > 0:
            raise ValueError(f"`prior_rows` must be above 0. Received: {prior_rows}")
        if not tolerance >= 0:
            raise ValueError(f"`tolerance` must be at least 0. Received: {tolerance}")
        self.prior_rows, self.tolerance = prior_rows, tolerance

    def reads(self, defence):
        return "probabilities" if defence == "none" else "labels"

    def read(self, answers, known):
        return answers if known.defence == "none" else one_hot_labels(answers)

    def train(self, training, known, workshop):
        if known.defence == "none":
            return workshop.train(training)
        elsewhere = _elsewhere(known)
        paid = training.transfer_set
        pairs = elsewhere.without(paid.inputs)
        if isinstance(elsewhere.layer, CodedDefence):
            targets = CodeMeans(pairs, elsewhere.layer, self.prior_rows)(paid.answers)
        elif len(pairs):
            targets = Lookup(pairs, self.tolerance)(paid.answers)
        else:
            targets = one_hot_labels(paid.answers)
        return workshop.train(training.with_targets(targets))


@dataclasses.dataclass(frozen=True, eq=False)
class Elsewhere:
    """What the victim answers to a pool.

    Attributes:
        digests: The digest of each input of the pool.
        pairs: Its clean outputs, and the answers under the defence.
        layer: The deployed defence.
    """
    digests: Sequence[bytes]
    pairs: Pairs
    layer: Defence

    @property
    def nbytes(self) -> int:
        """Size of the arrays and of the digests."""
        return self.pairs.nbytes + sum(map(sys.getsizeof, self.digests))

    def without(self, inputs: np.ndarray) -> Pairs:
        """Returns the pairs of the inputs in the pool that are none of these."""
        asked = set(map(digest, inputs))
        is_other = np.array([each not in asked for each in self.digests], bool)
        return Pairs(self.pairs.clean[is_other], self.pairs.answers[is_other])


def _elsewhere(known):
    """What the victim answers to the pool of a thief; computed once for all thieves of a run."""
    digests = tuple(map(digest, known.pool))

    def make():
        layer = _DEPLOYED.layer(known.defence, known.defence_state)
        clean = known.clean(known.pool)
        return Elsewhere(digests, Pairs(clean, apply(layer, clean)), layer)

    key = ("posterior mean", known.defence, known.defence_state, hash(digests))
    return known.memory.recall(key, make)
