"""Victim, thief and evaluator share no row."""
import dataclasses

import numpy as np
import pytest

from models.data import splits
from models.data.dataset import Dataset

FRACTIONS = {"victim_train": .45, "victim_validation": .05, "pool": .40, "evaluation": .10}


def make_dataset(n, tests=None):
    """Returns a data set whose rows are numbered, so that each can be found again."""
    numbers = np.arange(n + (tests or 0), dtype="float32")[:, None]
    labels = np.arange(len(numbers)) % 2
    test = {} if tests is None else {"test_x": numbers[n:], "test_y": labels[n:]}
    return Dataset("numbers", numbers[:n], labels[:n], 2, (0.0, float(n)), **test)


def rows(parts):
    return {
        field.name: getattr(parts, field.name)
        for field in dataclasses.fields(parts)
        if field.name != "split_seed"
    }


@pytest.mark.parametrize("n, tests", [(1000, None), (1000, 100), (997, None), (31, None), (26, 1)])
def test_no_row_is_lost_or_shared(n, tests):
    dataset = make_dataset(n, tests)
    parts = rows(splits.split(dataset, 0))
    everyone = np.concatenate([part.x[:, 0] for part in parts.values()])
    np.testing.assert_array_equal(np.sort(everyone), np.arange(n + (tests or 0)))
    for part in parts.values():
        np.testing.assert_array_equal(part.x[:, 0] % 2, part.y)
    rest = n if tests else n - len(parts["test"])
    assert len(parts["test"]) == (tests or round(.2 * n))
    for name, fraction in FRACTIONS.items():
        assert abs(len(parts[name]) - fraction * rest) <= 1


def test_the_official_test_split_stays():
    parts = splits.split(make_dataset(50, 7), 3)
    np.testing.assert_array_equal(parts.test.x[:, 0], np.arange(50, 57))


def test_the_seed_decides():
    dataset = make_dataset(200)
    first, same, other = (rows(splits.split(dataset, seed)) for seed in (1, 1, 2))
    for name in first:
        np.testing.assert_array_equal(first[name].x, same[name].x)
        assert not np.array_equal(first[name].x, other[name].x)


def test_the_pool_is_shuffled():
    pool = splits.split(make_dataset(2000), 0).pool.x[:, 0]
    assert abs(np.corrcoef(pool, np.arange(len(pool)))[0, 1]) < .1


@pytest.mark.parametrize("n, tests", [(1, None), (8, None), (3, 5)])
def test_too_few_rows(n, tests):
    with pytest.raises(ValueError, match=f"enough rows for five parts.*Received: {n} rows"):
        splits.split(make_dataset(n, tests), 0)


@pytest.mark.parametrize("split_seed", [-1, 1.5, None, True])
def test_bad_seed(split_seed):
    with pytest.raises(ValueError, match="`split_seed` must be an integer of 0 or more"):
        splits.split(make_dataset(50), split_seed)
