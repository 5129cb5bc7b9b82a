"""The random attack: inputs that know nothing of the victim's domain."""

import numpy as np

from attacks.queries.attack import Attack


class RandomInputs(Attack):
    """Queries uniform noise, the baseline of a thief who has no inputs at all.

    Each value is drawn uniformly between the lowest and the highest value of the pool, of which
    nothing else is used. So a budget may be larger than the pool.
    """

    def check(self, budget, pools):
        """Accepts every budget and shape."""

    def candidates(self, pools):
        """None."""
        return pools.own[:0]

    def steal(self, thief):
        pool = thief.pools.own
        low, high = pool.min(), pool.max()
        noise = thief.random("queries").random((thief.budget, *pool.shape[1:]), np.float32)
        thief.ask((low + noise * (high - low)).astype(np.float32))
