"""The Sample attack: its queries; and the plain adversaries: their targets."""

import numpy as np
import pytest

from attacks.adversaries.adversary import Known
from attacks.adversaries.labels import Labels
from attacks.adversaries.probabilities import Probabilities
from attacks.grid.registries import ATTACKS
from attacks.queries.pools import Pools
from attacks.queries.sample import Sample
from tests.attacks import thieves
from tests.attacks.thieves import ask
from tests.attacks.thieves import POOL


def steal(budget, seed=0, **options):
    return thieves.steal(Sample(**options), budget, seed=seed)[0]


def pool_rows(inputs):
    """The index of each input in the pool, or -1 if the pool does not hold it."""
    return [next((i for i, row in enumerate(POOL) if np.array_equal(row, x)), -1) for x in inputs]


VARIANTS = [{}, {"augment": "after"}, {"augment": "before"}, {"augment": "before", "copies": 3}]


@pytest.mark.parametrize("options", VARIANTS)
def test_queries_are_nested_drawn_once_per_seed_and_answered_in_order(options):
    large, small = steal(40, **options), steal(13, **options)
    np.testing.assert_array_equal(large.inputs[:13], small.inputs)
    np.testing.assert_array_equal(large.inputs, steal(40, **options).inputs)
    assert not np.array_equal(large.inputs, steal(40, seed=1, **options).inputs)
    np.testing.assert_array_equal(large.targets, ask(large.inputs))


@pytest.mark.parametrize("options", VARIANTS)
@pytest.mark.parametrize("budget", [1, 2, 39, 60])
def test_the_budget_is_spent_exactly(options, budget):
    thief, oracle = thieves.steal(Sample(**options), budget, seed=3)
    assert oracle.queries_used == budget == len(thief.inputs)
    assert thief.rows_per_round == [budget] and thief.left == 0


def test_rows_are_drawn_without_replacement_from_the_pool():
    assert sorted(pool_rows(steal(60).inputs)) == list(range(60))


def test_with_augmentation_before_the_query_each_shifted_image_is_paid_for():
    rows = pool_rows(steal(40, augment="before", copies=3).inputs)
    originals = rows[::4]
    assert -1 not in originals and len(set(originals)) == 10
    assert {row for i, row in enumerate(rows) if i % 4} == {-1}


def test_a_shifted_image_is_the_moved_original_with_repeated_edges():
    inputs = steal(60, augment="before", shift=0.25).inputs
    for original, moved in zip(inputs[::2], inputs[1::2]):
        padded = np.pad(original, ((2, 2), (2, 2), (0, 0)), mode="edge")
        windows = [(i, j)
                   for i in range(5)
                   for j in range(5)
                   if np.array_equal(padded[i:i + 8, j:j + 8], moved)]
        assert windows and (2, 2) not in windows


def test_augmentation_after_the_query_costs_nothing_and_happens_in_training():
    plain, augmented = steal(20), steal(20, augment="after", shift=0.25)
    np.testing.assert_array_equal(plain.inputs, augmented.inputs)
    shape = POOL.shape[1:]
    assert Sample().max_shift(shape) == Sample(augment="before").max_shift(shape) == 0
    assert Sample(augment="after", shift=0.25).max_shift(shape) == 2
    assert Sample(augment="after", shift=0.01).max_shift(shape) == 1


POOLS, VECTORS = Pools(POOL, (0.0, 1.0)), Pools(np.zeros((60, 20)), (0.0, 1.0))


def test_impossible_attacks_are_refused():
    with pytest.raises(ValueError, match="at most the 60 rows of the thief's pool. Received: 61"):
        Sample().check(61, POOLS)
    with pytest.raises(
            ValueError,
            match=r"shifts images \[height, width, channels\]. Received: inputs of shape \(20,\)"):
        Sample(augment="after").check(5, VECTORS)
    Sample().check(60, VECTORS)
    with pytest.raises(ValueError, match="at most 8, the shifts by up to 1 pixels. Received: 9"):
        Sample(augment="before", copies=9).check(60, POOLS)


@pytest.mark.parametrize("options, message", [
    ("augment=sometimes", "none, before, after.*sometimes"),
    ("shift=0", r"`shift` must be in \(0, 0.5\]. Received: 0"),
    ("shift=.6", "Received: 0.6"),
    ("copies=0", "`copies` must be an integer of 1 or more. Received: copies=0"),
])
def test_options_out_of_range_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        ATTACKS.make(f"sample:{options}")


ANSWERS = np.array([[0.1, 0.6, 0.3], [0.4, 0.4, 0.2]], np.float32)
KNOWN = Known("none", POOL, 0)


def test_the_targets_of_the_naive_thief_are_the_answers():
    np.testing.assert_array_equal(Probabilities().read(ANSWERS, KNOWN), ANSWERS)


def test_the_targets_of_the_labels_only_thief_are_the_lowest_index_argmax():
    np.testing.assert_array_equal(Labels().read(ANSWERS, KNOWN), [[0, 1, 0], [1, 0, 0]])
