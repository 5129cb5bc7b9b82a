"""The Sample attack and the adversaries: what is asked, and what is made of the answers."""

import numpy as np
import pytest

from attacks.labels import Labels
from attacks.oracle import LocalOracle
from attacks.probabilities import Probabilities
from attacks.registry import ADVERSARIES
from attacks.registry import ATTACKS
from attacks.sample import Sample

POOL = np.random.default_rng(7).random((60, 8, 8, 1), np.float32)


def ask(inputs):
    """Answers that tell which input they belong to."""
    share = inputs.reshape(len(inputs), -1).mean(axis=1)
    return np.stack([share, 1 - share], axis=1)


def steal(budget, seed=0, **options):
    return Sample(**options).steal(ask, POOL, budget, seed)


def pool_rows(inputs):
    """The index in the pool of each input, -1 where it is none of the pool's."""
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
    oracle = LocalOracle(ask, budget)
    stolen = Sample(**options).steal(oracle.query, POOL, budget, 3)
    assert oracle.queries_used == budget == len(stolen.inputs)


def test_rows_are_drawn_without_replacement_from_the_pool():
    assert sorted(pool_rows(steal(60).inputs)) == list(range(60))


def test_augmentation_before_the_query_pays_for_each_shifted_image():
    rows = pool_rows(steal(40, augment="before", copies=3).inputs)
    originals = rows[::4]
    assert -1 not in originals and len(set(originals)) == 10
    assert {row for i, row in enumerate(rows) if i % 4} == {-1}


def test_a_shifted_image_is_its_original_moved_with_repeated_edges():
    inputs = steal(60, augment="before", shift=0.25).inputs
    for original, moved in zip(inputs[::2], inputs[1::2]):
        padded = np.pad(original, ((2, 2), (2, 2), (0, 0)), mode="edge")
        windows = [(i, j)
                   for i in range(5)
                   for j in range(5)
                   if np.array_equal(padded[i:i + 8, j:j + 8], moved)]
        assert windows and (2, 2) not in windows


def test_augmentation_after_the_query_costs_nothing_and_is_left_to_training():
    plain, augmented = steal(20), steal(20, augment="after", shift=0.25)
    np.testing.assert_array_equal(plain.inputs, augmented.inputs)
    assert (plain.max_shift, augmented.max_shift) == (0, 2)
    assert steal(20, augment="after", shift=0.01).max_shift == 1


def test_what_cannot_be_carried_out_is_refused():
    with pytest.raises(ValueError, match="at most the 60 rows of the thief's pool. Received: 61"):
        Sample().check(61, 60, (8, 8, 1))
    with pytest.raises(
            ValueError,
            match=r"shifts images \[height, width, channels\]. Received: inputs of shape \(20,\)"):
        Sample(augment="after").check(5, 60, (20,))
    Sample().check(60, 60, (20,))
    with pytest.raises(ValueError, match="at most 8, the shifts by up to 1 pixels. Received: 9"):
        Sample(augment="before", copies=9).check(60, 60, (8, 8, 1))


@pytest.mark.parametrize("options, message", [
    ("augment=sometimes", "none, before, after.*sometimes"),
    ("shift=0", r"`shift` must be in \(0, 0.5\]. Received: 0"),
    ("shift=.6", "Received: 0.6"),
    ("copies=0", "at least 1. Received: 0"),
])
def test_options_out_of_range_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        ATTACKS.make(f"sample:{options}")


ANSWERS = np.array([[0.1, 0.6, 0.3], [0.4, 0.4, 0.2]], np.float32)


def test_the_naive_thief_takes_answers_at_their_word():
    np.testing.assert_array_equal(Probabilities().read(ANSWERS), ANSWERS)


def test_the_labels_only_thief_keeps_the_lowest_index_argmax():
    np.testing.assert_array_equal(Labels().read(ANSWERS), [[0, 1, 0], [1, 0, 0]])


@pytest.mark.parametrize("name", ADVERSARIES.names)
def test_every_adversary_asks_the_oracle_once_per_input_and_returns_distributions(name):
    oracle = LocalOracle(lambda inputs: np.tile(ANSWERS[:1], (len(inputs), 1)), budget=60)
    targets = ADVERSARIES.make(name).ask(oracle, POOL)
    assert oracle.queries_used == 60
    assert targets.dtype == np.float32
    np.testing.assert_allclose(targets.sum(axis=1), 1, rtol=1e-6)
