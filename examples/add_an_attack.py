"""Adds an attack of your own, and compares it with the Sample attack.

    PYTHONPATH=. python examples/add_an_attack.py --output_dir=runs/blends

Every flag of `attacks.run` works, such as --adversaries=labels,aware or --oracle=... .
"""
from absl.flags import FLAGS

from attacks import flags
from attacks import run
from attacks.grid.registries import ATTACKS
from attacks.queries.attack import Attack
from revsig_keras.cli import program


class Blends(Attack):
    """Queries inputs of the pool, and with the rest of the budget blends of two of them.

    Args:
        originals: Float in (0, 1], the fraction of the budget for inputs of the pool. Defaults to
            `0.5`.
    """

    def __init__(self, originals: float = 0.5):
        if not 0 < originals <= 1:
            raise ValueError(f"`originals` must be in (0, 1]. Received: {originals}")
        self.originals = originals

    def steal(self, thief):
        rng, pool = thief.random("queries"), thief.pools.own
        count = max(1, round(self.originals * thief.budget))
        originals = pool[rng.permutation(len(pool))[:count]]
        thief.ask(originals)  # Returns targets, for attacks that adapt to them.
        while thief.left:
            first, second = originals[rng.integers(count, size=(2, thief.left))]
            weight = rng.random((thief.left, *[1] * (pool.ndim - 1))).astype(pool.dtype)
            thief.ask(weight * first + (1 - weight) * second)


if __name__ == "__main__":
    ATTACKS.add("blends", Blends)  # From now on it is an attack like the others.
    flags.define()
    FLAGS.set_default("attacks", ["sample", "blends"])
    program.run(run.main)
