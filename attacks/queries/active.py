"""The ActiveThief attack: active learning chooses the next queries."""

import numpy as np

from attacks.queries.attack import Attack
from attacks.queries.selection.strategies import STRATEGIES
from revsig_keras.arguments import check_integer


class Active(Attack):
    """Queries in rounds the inputs that a substitute is least sure of (Pal et al., AAAI 2020,
    "ActiveThief").

    First a seed set is drawn uniformly from the pool. Then, in each round, a substitute is trained
    on all answers so far, from new weights, and a strategy chooses the next inputs: by the largest
    entropy (`uncertainty`), the smallest `margin`, the farthest points (`k_center`), or the
    smallest distance to a decision border (`adversarial`, on a part of the pool).

    New weights in each round are this project's reading of the paper, which could not be checked.
    Its early stopping on a fifth of the rows is `held_out=.2` in the recipe.

    Args:
        strategy: String, one of `"uncertainty"`, `"margin"`, `"k_center"`, `"adversarial"`.
            Defaults to `"uncertainty"`.
        seeds: Float in (0, 1], the seed set as a fraction of the budget, at least one input.
            Defaults to `0.1`.
        rounds: Integer, the number of rounds for the rest of the budget, of equal size rounded up.
            Defaults to `10`.
        epochs: Integer, the number of times that a round trains its substitute on each row. The
            steps are at most those of a clone. Defaults to `100`.

    Raises:
        ValueError: If an argument is out of range.
    """

    def __init__(self,
                 strategy: str = "uncertainty",
                 seeds: float = 0.1,
                 rounds: int = 10,
                 epochs: int = 100):
        if strategy not in STRATEGIES:
            raise ValueError(
                f"`strategy` must be one of {', '.join(STRATEGIES)}. Received: {strategy!r}")
        if not 0 < seeds <= 1:
            raise ValueError(f"`seeds` must be in (0, 1]. Received: {seeds}")
        self.choose = STRATEGIES[strategy]
        self.seeds = seeds
        self.rounds = check_integer("rounds", rounds, least=1)
        self.epochs = check_integer("epochs", epochs, least=1)

    def steal(self, thief):
        pool = thief.pools.own
        seeds = max(1, round(self.seeds * thief.budget))
        per_round = -(-(thief.budget - seeds) // self.rounds)
        first, rest = np.split(thief.random("queries").permutation(len(pool)), [seeds])
        thief.ask(pool[first])
        while thief.left and len(rest):
            substitute = thief.substitute(self.epochs, fresh=True)
            count = min(max(1, per_round), thief.left, len(rest))
            chosen = self.choose(substitute, pool.take(rest, axis=0), thief.inputs, count)
            thief.ask(pool[rest[chosen]])
            rest = np.delete(rest, chosen)
