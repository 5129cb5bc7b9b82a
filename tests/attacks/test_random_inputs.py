"""Noise of the pool's range, nested, and charged like any input."""
import numpy as np
import pytest

from attacks.oracle import BudgetExceededError
from attacks.oracle import LocalOracle
from attacks.random_inputs import RandomInputs
from attacks.registry import ATTACKS

POOL = np.random.default_rng(1).uniform(-2, 3, (4, 5, 6, 1)).astype(np.float32)


def ask(inputs):
    return np.full((len(inputs), 3), 1 / 3, np.float32)


def queried(budget, seed=0, ask=ask):
    attack = ATTACKS.make("random")
    assert isinstance(attack, RandomInputs)
    attack.check(budget, len(POOL), POOL.shape[1:])
    return attack.steal(ask, POOL, budget, seed)


def test_noise_fills_the_range_of_the_pool_and_has_its_shape():
    inputs = queried(200).inputs
    assert inputs.shape == (200, 5, 6, 1) and inputs.dtype == np.float32
    low, high = POOL.min(), POOL.max()
    assert low <= inputs.min() < low + 0.01 and high - 0.01 < inputs.max() <= high
    # Uniform: every tenth of the range has its share, to five standard deviations.
    counts, _ = np.histogram(inputs, np.linspace(low, high, 11))
    assert np.abs(counts / 600 - 1).max() < 5 * (0.9 / 600)**0.5


def test_a_smaller_budget_is_the_first_of_a_larger_one_and_seeds_differ():
    np.testing.assert_array_equal(queried(7).inputs, queried(20).inputs[:7])
    assert not np.isin(queried(7).inputs, queried(7, seed=1).inputs).any()


@pytest.mark.parametrize("budget", [1, 10])
def test_all_of_the_budget_is_used_and_no_more(budget):
    oracle = LocalOracle(ask, budget)
    transfer_set = queried(budget, ask=oracle.query)
    assert oracle.queries_used == budget == len(transfer_set.targets)
    with pytest.raises(BudgetExceededError):
        queried(budget + 1, ask=LocalOracle(ask, budget).query)
