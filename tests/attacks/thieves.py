"""Thieves of made-up victims."""
import functools

import numpy as np

from attacks.adversaries.adversary import Known
from attacks.adversaries.probabilities import Probabilities
from attacks.clone.recipe import Recipe
from attacks.clone.trainer import CloneTrainer
from attacks.clone.workshop import Workshop
from attacks.oracle.oracle import LocalOracle
from attacks.queries.pools import Pools
from attacks.queries.thief import Thief
from models.processes.strategy import make_strategy

POOL = np.random.default_rng(7).random((60, 8, 8, 1), np.float32)


def ask(inputs):
    """Answers from which each input can be told."""
    share = inputs.reshape(len(inputs), -1).mean(axis=1)
    return np.stack([share, 1 - share], axis=1)


@functools.cache
def trainer(input_shape, num_classes):
    """One trainer for all thieves of the same shapes: compiling takes longer than training."""
    return CloneTrainer(input_shape, num_classes, make_strategy("one_device"))


def make_thief(budget,
               seed=0,
               adversary=None,
               predict=ask,
               defence="none",
               pools=None,
               num_classes=2,
               max_shift=0,
               pool=None,
               **recipe):
    """A thief that trains clones by a short recipe, and its oracle."""
    pools = pools or Pools(POOL, (0.0, 1.0))
    oracle = LocalOracle(predict, budget)
    workshop = Workshop(Recipe(**{
        "architecture": "mlp",
        "steps": 30,
        **recipe
    }), trainer(pools.input_shape, num_classes))
    adversary = adversary or Probabilities()
    known = Known(defence,
                  pools.own if pool is None else pool,
                  seed,
                  clean=predict if adversary.sees_clean else None)
    return Thief(oracle, adversary, known, pools, workshop, max_shift), oracle


def steal(attack, budget, **options):
    """The thief after an attack, and its oracle."""
    thief, oracle = make_thief(budget, **options)
    attack.steal(thief)
    return thief, oracle
