"""Claim 12: the naive thief is misled whatever its hyperparameters and the victim's confidence."""

import functools

from attacks.claims import claim_03_naive_thief
from attacks.claims.criterion.claim import Claim
from attacks.claims.criterion.claim import Trial
from attacks.claims.criterion.grid import Grid

# One factor at a time, of the thief and of the victim.
FACTORS = {
    "sgd": "--optimizer=sgd:learning_rate=.1:momentum=.9",
    "slow": "--optimizer=adam:learning_rate=.0003",
    "fast": "--optimizer=adam:learning_rate=.003",
    "small_batch": "--batch_size=8",
    "large_batch": "--batch_size=128",
    "short": "--steps=300",
    "long": "--steps=4000",
    "unsure_victim": "--victim_steps=200",
    "sure_victim": "--victim_steps=4000",
}
VARIANTS = tuple(
    Grid(f"mnist_base_{name}",
         35 if name in ("long", "large_batch", "sure_victim") else 20,
         base="mnist_base",
         changes=(flag,)) for name, flag in FACTORS.items())
QUICK = tuple(Grid(f"quick_base_{name}", 3, base="quick_base", changes=(FACTORS[name],))
              for name in ("sgd", "fast", "unsure_victim"))  # yapf: disable


def judge(grids, least=0.2):
    """The naive thief loses so much, in points and relatively, by the base and by each variant."""
    return claim_03_naive_thief.judge(grids, least)


CLAIM = Claim(
    number=12,
    title="Hyperparameters do not matter",
    source='Abstract: "We evaluate several ... hyperparameters under varying adversarial models".',
    reported="At least 20% off, as in claim 3.",
    trial=Trial(
        (Grid("mnist_base", 20), *VARIANTS),
        "Reproduced if the naive thief loses at least .20 of agreement, and at least 20% of it, by "
        "the base recipe and where one factor is changed: optimiser, rate, batch and steps of the "
        "clone, and how long the victim is trained, which decides how sure it is.", judge),
    quick=Trial((Grid("quick_base", 3), *QUICK),
                "The same on digits with three factors, for .05 of "
                "agreement and 5% of it.", functools.partial(judge, least=0.05)))
