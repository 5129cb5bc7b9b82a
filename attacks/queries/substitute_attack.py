"""The base of the attacks that make new inputs with a model trained on the answers so far."""

import abc
from collections.abc import Iterable
import itertools

import numpy as np

from attacks.oracle.oracle import digest
from attacks.queries.attack import Attack
from attacks.queries.selection.base_points import BasePoints
from attacks.queries.thief import Substitute
from attacks.queries.thief import Thief


class SubstituteAttack(Attack):
    """Queries a few inputs of the pool, then inputs made of those by a substitute's gradients.

    1. The seeds are drawn from the pool as `Sample` draws, and asked: at most half of the budget
       and all of the pool, at least one.
    2. In each round a substitute is trained on all that was answered so far, and base points are
       drawn from what was asked: all of it in random order, unless `base_points` says otherwise.
    3. `propose` makes inputs of them. Those that are, to the bit, among what was asked already are
       left out, so that every input is paid for once; the others are asked. A round that proposes
       more than what is left of the budget is cut.
    4. So it goes on until the budget is spent. A round that makes nothing new, such as one whose
       base points all lie in a corner of the inputs' range, is the last; then, and where the
       rounds are bounded, what is left is drawn from the pool as the seeds were. Only if no row
       of the pool is new either, part of the budget stays unspent.

    Args:
        seeds: Positive integer, inputs of the pool that are asked first.
        epochs: Positive integer, how often a substitute is trained on each row.
        fresh: Whether each substitute starts from new weights instead of those of the last.
        rounds: How many rounds there are at most, or `None` for no bound. Defaults to `None`.

    Raises:
        ValueError: If an argument is outside its range.
    """

    def __init__(self, seeds: int, epochs: int, fresh: bool, rounds: int | None = None):
        if seeds < 1:
            raise ValueError(f"`seeds` must be a positive number of inputs. Received: {seeds}")
        self.seeds, self.epochs, self.fresh, self.rounds = seeds, epochs, fresh, rounds

    def count_seeds(self, budget: int, rows: int) -> int:
        """How many seeds there are, of a pool of so many rows."""
        return max(1, min(self.seeds, budget // 2, rows))

    def check(self, budget, pools):
        """Accepts every budget: the pool need hold the seeds alone, of which one will do."""

    def candidates(self, pools):
        """None besides the seeds, which are asked."""
        return pools.own[:0]

    def steal(self, thief):
        pool, rng, asked = thief.pools.own, thief.random("proposals"), set()
        drawn = thief.random("queries").permutation(len(pool))
        _ask_new(thief, map(pool.__getitem__, drawn), asked,
                 self.count_seeds(thief.budget, len(pool)))
        last = 0  # where the inputs of the last round begin
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
            held: The number of inputs that were asked.
            last: Where among them those of the last round begin.
            number: The number of the round, from 0.
            rng: Source of randomness.

        Returns:
            Their places among what was asked, each at most once.
        """
        del last, number
        return rng.permutation(held)

    @abc.abstractmethod
    def propose(self, substitute: Substitute, base: BasePoints,
                rng: np.random.Generator) -> np.ndarray:
        """Makes new inputs `[m, ...]` of the base points of a round."""


def _ask_new(thief: Thief, rows: Iterable[np.ndarray], asked: set[bytes], most: int) -> int:
    """Asks the first of the rows that are not among those asked; returns how many."""
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
