"""Results of claims that were never measured."""
import zlib

import numpy as np

from attacks.report.statistics.per_row import PerRow
from attacks.report.verdict.verdict import Evidence
from tests.attacks.report import made_up

RS = "reverse_sigmoid:beta=1:gamma=.2"
SEEDS = range(8)


def replicates(defence, adversary, budget, agreement, spread=0.001, **values):
    """Rows of eight replicates whose agreements have a mean and a standard deviation."""
    draw = np.random.default_rng(zlib.crc32(f"{defence} {adversary} {budget} {values}".encode()))
    noise = draw.normal(size=len(SEEDS))
    noise = spread * (noise - noise.mean()) / noise.std()
    return [
        made_up.row(defence,
                    adversary,
                    budget,
                    seed,
                    agreement + noise[seed],
                    split_seed=seed,
                    victim_fingerprint=f"v{seed}",
                    clone_digest=f"{defence} {adversary} {budget} {seed}",
                    id=f"{defence} {adversary} {budget} {seed}",
                    **values) for seed in SEEDS
    ]


def grid(*groups):
    """The results of a complete grid."""
    return Evidence(sum(groups, []), PerRow(), ())


def curves(budgets, agreements, **values):
    """A grid with a curve of agreements for each (defence, adversary)."""
    return grid(*(replicates(*thief, budget, agreement, **values)
                  for thief, curve in agreements.items()
                  for budget, agreement in zip(budgets, curve)))  # yapf: disable
