"""The base class of attacks that make new inputs with a model trained on the answers so far."""

import abc
from collections.abc import Iterable
import itertools

import numpy as np

from attacks.clone.clone import Clone
from attacks.oracle.oracle import digest
from attacks.queries.attack import Attack
from attacks.queries.selection.base_points import BasePoints
from attacks.queries.thief import Thief
from revsig_keras.arguments import check_integer


class SubstituteAttack(Attack):
    """Queries a few inputs of the pool, then inputs derived from them by a substitute's gradients.

    1. The seeds are drawn from the pool as `Sample` draws, and queried. They are at least one
       input, at most half of the budget and at most the whole pool.
    2. In each round a substitute is trained on all answers so far, and base points are drawn from
       the queried inputs: all of them in random order, unless `base_points` says otherwise.
    3. `propose` makes new inputs from the base points. Inputs that equal an earlier one to the bit
       are dropped, so that every input is paid for once; the others are queried, as far as the
       budget goes.
    4. The rounds go on until the budget is spent. A round without a new input is the last, such as
       one whose base points all lie in a corner of the inputs' range. The rest of the budget is
       then drawn from the pool as the seeds were; likewise after the largest number of rounds. Only
       if no row of the pool is new either, part of the budget stays unspent.

    Args:
        seeds: Positive integer, the number of pool inputs that are queried first.
        epochs: Positive integer, the number of times that a substitute is trained on each row.
        fresh: Whether each substitute starts from new weights instead of those of the last.
        rounds: The largest number of rounds, or `None` for no bound. Defaults to `None`.

    Raises:
        ValueError: If an argument is out of range.
    """

    def __init__(self, seeds: int, epochs: int, fresh: bool, rounds: int | None = None):
        self.seeds = check_integer("seeds", seeds, least=1)
        self.epochs, self.fresh, self.rounds = epochs, fresh, rounds

    def count_seeds(self, budget: int, rows: int) -> int:
        """The number of seeds that are drawn from a pool of so many rows."""
        return max(1, min(self.seeds, budget // 2, rows))

    def check(self, budget, pools):
        """Accepts every budget: the pool only has to hold the seeds, and one is enough."""

    def candidates(self, pools):
        """Returns no inputs: the thief has only the seeds, and it queries them."""
        return pools.own[:0]

    def steal(self, thief):
        pool, rng, asked = thief.pools.own, thief.random("proposals"), set()
        drawn = thief.random("queries").permutation(len(pool))
        _ask_new(thief, map(pool.__getitem__, drawn), asked,
                 self.count_seeds(thief.budget, len(pool)))
        last = 0  # Where the inputs of the last round begin.
        for number in itertools.count() if self.rounds is None else range(self.rounds):
            if not thief.left:
                return
            substitute = thief.substitute(self.epochs, self.fresh)
            inputs, targets = thief.inputs, thief.targets
            chosen = self.base_points(len(inputs), last, number, rng)[:thief.left]
            base = BasePoints(inputs[chosen], targets[chosen].argmax(axis=1), targets.shape[1],
                              number, thief.pools.input_range)
            last = len(inputs)
            proposed = self.propose(substitute, base, rng).astype(inputs.dtype)
            if not _ask_new(thief, proposed, asked, thief.left):
                break
        _ask_new(thief, map(pool.__getitem__, drawn), asked, thief.left)

    def base_points(self, held: int, last: int, number: int,
                    rng: np.random.Generator) -> np.ndarray:
        """Chooses the base points of a round.

        Args:
            held: The number of inputs queried so far.
            last: The index at which those of the last round begin.
            number: The number of the round, from 0.
            rng: Source of randomness.

        Returns:
            Indices of queried inputs, each at most once.
        """
        del last, number
        return rng.permutation(held)

    @abc.abstractmethod
    def propose(self, substitute: Clone, base: BasePoints, rng: np.random.Generator) -> np.ndarray:
        """Makes new inputs `[m, ...]` from the base points of a round."""


def _ask_new(thief: Thief, rows: Iterable[np.ndarray], asked: set[bytes], most: int) -> int:
    """Queries the first `most` rows that were not queried yet; returns their number."""
    new = {}
    for row in rows:
        if len(new) == most:
            break
        key = digest(row)
        if key not in asked:
            new.setdefault(key, row)
    if new:
        thief.ask(np.stack(list(new.values())))
        asked.update(new)
    return len(new)
