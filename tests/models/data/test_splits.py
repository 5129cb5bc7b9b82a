"""Victim, thief and evaluator share no row."""
import dataclasses

import numpy as np
import pytest

from models.data import splits
from models.data.dataset import Dataset
from models.seeds import derive

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


@pytest.mark.parametrize("tests", [None, 30])
def test_each_part_has_the_groups_of_its_rows(tests):
    dataset = make_dataset(200, tests)
    pairs = np.arange(230) // 2
    dataset = dataclasses.replace(dataset, groups=pairs[:200], test_groups=tests and pairs[200:])
    for part in rows(splits.split(dataset, 0)).values():
        together = part.groups[:, None] == part.groups
        np.testing.assert_array_equal(together, part.x // 2 == part.x[:, 0] // 2)


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


def grouped(groups, tests=None, test_groups=None, **changes):
    dataset = make_dataset(len(groups), tests)
    return dataclasses.replace(dataset, groups=np.array(groups), test_groups=test_groups, **changes)


def parts_by_row(parts):
    """The name of the part of each row, by its number."""
    return {int(number): name for name, part in rows(parts).items() for number in part.x[:, 0]}


@pytest.mark.parametrize("seed", range(5))
def test_rows_of_a_group_are_never_in_two_parts(seed):
    sizes = np.random.default_rng(seed).integers(1, 12, 120)
    groups = np.random.default_rng(seed).permutation(np.repeat(np.arange(120), sizes))
    parts = splits.split(grouped(groups), seed)
    where = parts_by_row(parts)
    assert len(where) == len(groups) and len(set(zip(groups, where.values()))) >= 120
    assert all(
        len({where[row] for row in np.flatnonzero(groups == group)}) == 1 for group in range(120))
    rest = len(groups) - len(parts.test)
    assert abs(len(parts.test) - .2 * len(groups)) <= 6
    for name, fraction in FRACTIONS.items():
        assert abs(len(rows(parts)[name]) - fraction * rest) <= 12
    pool = parts.pool.x[:, 0].astype(int)
    assert np.mean(groups[pool][1:] == groups[pool][:-1]) < .1, "a group is not kept in one piece"


def test_equal_rows_are_one_group():
    """Ten copies of a row, one of them with another sign of zero and one with another label."""
    dataset = make_dataset(300)
    x, y = np.tile(dataset.x, [10, 1]), np.tile(dataset.y, 10)
    x[300], y[600] = -x[0], 1 - y[0]
    parts = rows(splits.split(dataclasses.replace(dataset, x=x, y=y), 4))
    numbers = [set(part.x[:, 0]) for part in parts.values()]
    assert sum(map(len, numbers)) == len(set().union(*numbers)) == 300
    assert sum(map(len, parts.values())) == 3000


def test_equal_rows_join_their_groups():
    groups = np.arange(200) // 2
    dataset = grouped(groups)
    dataset.x[1::2] = np.roll(dataset.x[::2], -1, axis=0)  # A chain through all groups.
    with pytest.raises(ValueError, match="Received: 200 rows in 1 groups"):
        splits.split(dataset, 0)


def test_rows_of_the_official_test_split_are_in_no_other_part(caplog):
    groups = np.arange(100) // 2
    dataset = grouped(groups, 6, np.array([0, 1, 500, 501, 502, 503]))
    dataset.test_x[2] = dataset.x[7]
    parts = splits.split(dataset, 0)
    where = parts_by_row(parts)
    assert not {0, 1, 2, 3, 6} & {row for row, name in where.items() if name != "test"}
    np.testing.assert_array_equal(parts.test.x, dataset.test_x)
    assert sum(map(len, rows(parts).values())) == 94 + 6
    assert "6 rows are left out" in caplog.text


@pytest.mark.parametrize("groups", [None, np.random.default_rng(0).permutation(300)])
def test_rows_that_differ_are_split_as_they_always_were(groups):
    """By a permutation that is cut: published figures rest on it."""
    parts = splits.split(dataclasses.replace(make_dataset(300), groups=groups), 7)
    order = np.random.default_rng(derive(7, "split")).permutation(300)
    for name, expected in zip(["test", *FRACTIONS], np.split(order, [60, 168, 180, 276])):
        np.testing.assert_array_equal(rows(parts)[name].x[:, 0], expected)


def test_without_a_victim_to_train_its_rows_are_the_thiefs():
    dataset = make_dataset(500)
    parts, others = (splits.split(dataset, 1, for_victim) for for_victim in (False, True))
    assert len(parts.victim_train) == len(parts.victim_validation) == 0
    theirs = [others.victim_train, others.victim_validation, others.pool]
    np.testing.assert_array_equal(parts.pool.x, np.concatenate([part.x for part in theirs]))
    for name in ("evaluation", "test"):
        np.testing.assert_array_equal(rows(parts)[name].x, rows(others)[name].x)


def test_the_fingerprint_tells_groups_that_change_the_split():
    plain = make_dataset(60)
    first, other = np.arange(60) // 2, np.arange(60) // 3
    prints = [
        dataclasses.replace(plain, groups=groups).fingerprint() for groups in (None, first, other)
    ]
    assert len(set(prints)) == 3
    for same in (np.arange(60), None):
        assert dataclasses.replace(plain, groups=same).fingerprint() == prints[0]
    assert dataclasses.replace(plain, groups=first + 9).fingerprint() == prints[1]


@pytest.mark.parametrize("n, tests", [(1, None), (8, None), (3, 5)])
def test_too_few_rows(n, tests):
    with pytest.raises(ValueError, match=f"enough rows for five parts.*Received: {n} rows"):
        splits.split(make_dataset(n, tests), 0)


@pytest.mark.parametrize("split_seed", [-1, 1.5, None, True])
def test_bad_seed(split_seed):
    with pytest.raises(ValueError, match="`split_seed` must be an integer of 0 or more"):
        splits.split(make_dataset(50), split_seed)
