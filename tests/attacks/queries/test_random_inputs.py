"""The random attack: noise in the pool's range, nested, and charged like any input."""
import numpy as np
import pytest

from attacks.grid.registries import ATTACKS
from attacks.oracle.oracle import BudgetExceededError
from attacks.queries.pools import Pools
from attacks.queries.random_inputs import RandomInputs
from tests.attacks.thieves import make_thief

POOL = np.random.default_rng(1).uniform(-2, 3, (4, 5, 6, 1)).astype(np.float32)
POOLS = Pools(POOL, (-2.0, 3.0))


def uniform(inputs):
    return np.full((len(inputs), 2), 0.5, np.float32)


def queried(budget, seed=0):
    attack = ATTACKS.make("random")
    assert isinstance(attack, RandomInputs)
    attack.check(budget, POOLS)
    thief, oracle = make_thief(budget, seed, predict=uniform, pools=POOLS)
    attack.steal(thief)
    assert oracle.queries_used == budget == len(thief.targets)
    return thief


def test_noise_fills_the_range_of_the_pool_and_has_its_shape():
    inputs = queried(200).inputs
    assert inputs.shape == (200, 5, 6, 1) and inputs.dtype == np.float32
    low, high = POOL.min(), POOL.max()
    assert low <= inputs.min() < low + 0.01 and high - 0.01 < inputs.max() <= high
    # Every tenth of the range has a tenth of the values, within five standard deviations.
    counts, _ = np.histogram(inputs, np.linspace(low, high, 11))
    assert np.abs(counts / 600 - 1).max() < 5 * (0.9 / 600)**0.5


def test_a_smaller_budget_is_the_first_of_a_larger_one_and_seeds_differ():
    np.testing.assert_array_equal(queried(7).inputs, queried(20).inputs[:7])
    assert not np.isin(queried(7).inputs, queried(7, seed=1).inputs).any()


@pytest.mark.parametrize("budget", [1, 10])
def test_all_of_the_budget_is_used_and_no_more(budget):
    thief = queried(budget)
    assert (thief.left, thief.rows_per_round) == (0, [budget])
    with pytest.raises(BudgetExceededError):
        thief.ask(POOL[:1])
