"""Thieves of victims that tests make up."""
import numpy as np

from attacks.adversaries.adversary import Known
from attacks.adversaries.probabilities import Probabilities
from attacks.clone.clone import CloneTrainer
from attacks.clone.recipe import CloneConfig
from attacks.oracle.oracle import LocalOracle
from attacks.queries.pools import Pools
from attacks.queries.thief import Thief
from models.processes.strategy import make_strategy

POOL = np.random.default_rng(7).random((60, 8, 8, 1), np.float32)


def ask(inputs):
    """Answers that tell which input they belong to."""
    share = inputs.reshape(len(inputs), -1).mean(axis=1)
    return np.stack([share, 1 - share], axis=1)


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
    """A thief that can train clones by a short recipe, and its oracle."""
    pools = pools or Pools(POOL, (0.0, 1.0))
    oracle = LocalOracle(predict, budget)
    clones = CloneTrainer(CloneConfig(**{
        "architecture": "mlp",
        "steps": 30,
        **recipe
    }), pools.input_shape, num_classes, make_strategy("one_device"))
    known = Known(defence, pools.own if pool is None else pool, seed)
    return Thief(oracle, adversary or Probabilities(), known, pools, clones, max_shift), oracle


def steal(attack, budget, **options):
    """The thief after an attack, and its oracle."""
    thief, oracle = make_thief(budget, **options)
    attack.steal(thief)
    return thief, oracle
