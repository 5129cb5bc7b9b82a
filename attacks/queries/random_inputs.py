"""The random attack: uniform noise."""

import numpy as np

from attacks.queries.attack import Attack


class RandomInputs(Attack):
    """Queries uniform noise, the baseline of a thief without any inputs.

    Each value is drawn uniformly between the lowest and the highest value of the pool. Nothing else
    of the pool is used, so a budget may be larger than it.
    """

    def check(self, budget, pools):
        """Accepts every budget and shape."""

    def candidates(self, pools):
        """Returns no inputs."""
        return pools.own[:0]

    def steal(self, thief):
        pool = thief.pools.own
        low, high = pool.min(), pool.max()
        noise = thief.random("queries").random((thief.budget, *pool.shape[1:]), np.float32)
        thief.ask((low + noise * (high - low)).astype(np.float32))
