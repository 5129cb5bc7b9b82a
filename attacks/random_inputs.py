"""The random attack: inputs that know nothing of the victim's domain."""

import numpy as np

from attacks.attack import Attack
from attacks.attack import TransferSet
from models.seeds import derive


class RandomInputs(Attack):
    """Queries uniform noise, the baseline of a thief who has no inputs at all.

    Each value is drawn uniformly between the lowest and the highest value of the pool, of which
    nothing else is used. So a budget may be larger than the pool.
    """

    def check(self, budget, pool_rows, input_shape):
        """Accepts every budget and shape."""

    def steal(self, ask, pool, budget, seed):
        rng = np.random.default_rng(derive(seed, "queries"))
        low, high = pool.min(), pool.max()
        noise = rng.random((budget, *pool.shape[1:]), np.float32)
        inputs = (low + noise * (high - low)).astype(np.float32)
        return TransferSet(inputs, ask(inputs))
