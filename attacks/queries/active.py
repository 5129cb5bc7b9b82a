"""The ActiveThief attack: active learning chooses the next queries."""

import numpy as np

from attacks.queries.attack import Attack
from attacks.queries.selection.strategies import STRATEGIES
from revsig_keras.arguments import check_integer

# DeepFool takes steps x classes gradients, so `adversarial` examines only so many candidates, or so
# many per choice if that is more.
_FEWEST, _PER_CHOICE = 1000, 4


class Active(Attack):
    """Queries in rounds the inputs that a substitute is least sure of (Pal et al., AAAI 2020,
    "ActiveThief").

    First a seed set is drawn uniformly from the pool. Then, in each round, a substitute is trained
    on all answers so far, from new weights, and a strategy chooses the next inputs: by the largest
    entropy (`uncertainty`), the smallest `margin`, the farthest points (`k_center`), or the
    smallest distance to a decision border (`adversarial`). Where it examines only a part of what is
    left of the pool, that part is drawn anew in each round.

    As in the authors' public code: the rounds, new weights in each of them, the entropies, and the
    centres in the space of the substitute's probabilities. Differs: `margin` is this project's; the
    public code combines `adversarial` with `k_center` as well, examines the whole pool, and runs
    DeepFool for 20 steps on the probabilities, where an input that has crossed the border goes on.
    It trains up to 1,000 epochs and stops early on additional paid rows; `held_out=.2` in the
    recipe comes closest, a fifth of the rows as in the paper.

    Args:
        strategy: String, one of `"uncertainty"`, `"margin"`, `"k_center"`, `"adversarial"`.
            Defaults to `"uncertainty"`.
        seeds: Float in (0, 1], the seed set as a fraction of the budget, at least one input.
            Defaults to `0.1`.
        rounds: Integer, the number of rounds for the rest of the budget, of equal size rounded up.
            Defaults to `10`.
        epochs: Integer, the number of times that a round trains its substitute on each row. The
            steps are at most those of a clone. Defaults to `100`.
        candidates: Integer, the number of inputs that a round examines, drawn anew from those left,
            but at least the number that it chooses. `0`: all of them; for `adversarial`, whose
            examination is expensive, 1,000, or 4 per choice if that is more. Defaults to `0`.

    Raises:
        ValueError: If an argument is out of range.
    """

    asks_own_rows = True

    def __init__(self,
                 strategy: str = "uncertainty",
                 seeds: float = 0.1,
                 rounds: int = 10,
                 epochs: int = 100,
                 *,
                 candidates: int = 0):
        if strategy not in STRATEGIES:
            raise ValueError(
                f"`strategy` must be one of {', '.join(STRATEGIES)}. Received: {strategy!r}")
        if not 0 < seeds <= 1:
            raise ValueError(f"`seeds` must be in (0, 1]. Received: {seeds}")
        self.strategy = strategy
        self.seeds = seeds
        self.rounds = check_integer("rounds", rounds, least=1)
        self.epochs = check_integer("epochs", epochs, least=1)
        self.examined = check_integer("candidates",
                                      candidates,
                                      least=0,
                                      reason="0 takes the strategy's")

    def steal(self, thief):
        pool, rng, choose = thief.pools.own, thief.random("candidates"), STRATEGIES[self.strategy]
        seeds = max(1, round(self.seeds * thief.budget))
        per_round = -(-(thief.budget - seeds) // self.rounds)
        first, rest = np.split(thief.random("queries").permutation(len(pool)), [seeds])
        thief.ask(pool[first])
        while thief.left and len(rest):
            substitute = thief.substitute(self.epochs, fresh=True)
            count = min(max(1, per_round), thief.left, len(rest))
            places = self._draw(len(rest), count, rng)
            chosen = choose(substitute, pool.take(rest[places], axis=0), thief.inputs, count)
            thief.ask(pool[rest[places[chosen]]])
            rest = np.delete(rest, places[chosen])

    def _draw(self, left, count, rng):
        """The places of the candidates of a round among the inputs that are left."""
        most = self.examined
        if not most and self.strategy == "adversarial":
            most = max(_FEWEST, _PER_CHOICE * count)
        most = max(most, count) if most else left
        return rng.choice(left, most, replace=False) if most < left else np.arange(left)
