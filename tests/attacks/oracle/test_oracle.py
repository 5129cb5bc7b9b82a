"""A budget refuses, a paid answer is given again, and only probabilities are answers."""

import numpy as np
import pytest

from attacks.adversaries.averaged import Averaged
from attacks.endpoint.remote_oracle import RemoteOracle
from attacks.oracle.oracle import BudgetExceededError
from attacks.oracle.oracle import digest
from attacks.oracle.oracle import LocalOracle


def rows(n, start=0):
    return np.arange(start, start + n, dtype=np.float32)[:, None] * np.ones((1, 3), np.float32)


class Victim:
    """Counts the rows that it is run on."""

    def __init__(self, answers=None):
        self.ran = 0
        self.answers = answers

    def __call__(self, inputs):
        self.ran += len(inputs)
        return np.full((len(inputs),
                        4), 0.25, np.float32) if self.answers is None else np.asarray(self.answers)


class RandomVictim:
    """Answers every row it is run on differently, and counts them."""

    def __init__(self):
        self.ran, self.rng = 0, np.random.default_rng(0)

    def __call__(self, inputs):
        self.ran += len(inputs)
        return self.rng.dirichlet(np.ones(4), len(inputs)).astype(np.float32)


class Collected:
    """A collector whose ledger knows each answer of a victim by its row and its number."""

    def __init__(self, victim):
        self.victim, self.ledger = victim, {}

    def collect(self, inputs, asks, account):
        assert account == "thief" and len(inputs) == len(asks)
        for row, ask in zip(inputs, asks):
            if (digest(row), ask) not in self.ledger:
                self.ledger[digest(row), ask] = self.victim(row[None])[0]
        return np.array([self.ledger[digest(row), ask] for row, ask in zip(inputs, asks)])


ORACLES = {
    "local": LocalOracle,
    "remote": lambda victim, budget: RemoteOracle(Collected(victim), budget),
}
each_oracle = pytest.mark.parametrize("make", ORACLES.values(), ids=ORACLES)


@each_oracle
def test_a_row_that_was_paid_for_gives_its_first_answer_again(make):
    """Otherwise a victim that answers at random would give away fresh answers."""
    victim = RandomVictim()
    oracle = make(victim, budget=6)
    first = oracle.query(rows(4))
    np.testing.assert_array_equal(oracle.query(rows(4)), first)
    # Old and new rows in one batch, as an adaptive attack may ask them, and one of them twice.
    mixed = np.concatenate([rows(2, start=10), rows(2), rows(2, start=10)])
    answers = oracle.query(mixed)
    np.testing.assert_array_equal(answers[2:4], first[:2])
    np.testing.assert_array_equal(answers[:2], answers[4:])
    assert victim.ran == oracle.queries_used == 6
    np.testing.assert_array_equal(oracle.query(mixed), answers)  # Also with an empty budget.


@each_oracle
def test_each_repeat_is_another_answer_and_is_paid_for(make):
    victim = RandomVictim()
    oracle = make(victim, budget=7)
    first = oracle.query(rows(2))
    repeated = oracle.query(np.repeat(rows(2), 2, axis=0), repeats=True)
    assert len(np.unique(np.concatenate([first, repeated]), axis=0)) == 6
    np.testing.assert_array_equal(oracle.query(rows(2)), first)
    assert victim.ran == oracle.queries_used == 6


@each_oracle
def test_the_averaging_thief_pays_for_every_answer_that_it_averages(make):
    victim = RandomVictim()
    oracle = make(victim, budget=12)
    averaged = Averaged(queries=3, shift=0).ask(oracle, rows(3), seed=0)
    assert victim.ran == oracle.queries_used == 9
    again = oracle.query(rows(3))
    assert victim.ran == 9 and not np.allclose(again, averaged)


def test_what_a_thief_does_to_its_answers_changes_none_that_are_given_again():
    oracle = LocalOracle(RandomVictim(), budget=2)
    first = oracle.query(rows(2))
    kept = first.copy()
    first[:] = 0
    np.testing.assert_array_equal(oracle.query(rows(2)), kept)


def test_past_its_budget_the_oracle_raises_before_the_victim_runs():
    victim = Victim()
    oracle = LocalOracle(victim, budget=5)
    oracle.query(rows(3))
    with pytest.raises(BudgetExceededError, match="budget is 5 rows, 3 are used, and 3 new"):
        oracle.query(rows(3, start=10))
    assert victim.ran == 3
    assert oracle.queries_used == 3
    oracle.query(rows(2, start=10))
    assert oracle.queries_used == 5


def test_distinct_rows_are_charged_once_within_and_across_batches():
    oracle = LocalOracle(Victim(), budget=4)
    oracle.query(np.concatenate([rows(2), rows(2)]))
    oracle.query(rows(4))
    assert oracle.queries_used == 4
    assert oracle.query(rows(4)).shape == (4, 4)


def test_rows_are_charged_by_value_not_by_memory_layout():
    oracle = LocalOracle(Victim(), budget=2)
    image = np.random.default_rng(0).random((2, 3, 5), np.float32)
    oracle.query(image)
    oracle.query(np.asfortranarray(image))
    assert oracle.queries_used == 2


def test_repeats_are_charged_each():
    oracle = LocalOracle(Victim(), budget=6)
    oracle.query(rows(2))
    oracle.query(np.concatenate([rows(1), rows(1)]), repeats=True)
    assert oracle.queries_used == 4
    oracle.query(rows(2))
    oracle.query(rows(2, start=5), repeats=True)
    assert oracle.queries_used == 6
    with pytest.raises(BudgetExceededError, match="budget is 6 rows, 6 are used, and 1 new"):
        oracle.query(rows(1), repeats=True)


def test_it_is_known_which_answer_a_repeat_wants():
    asked = []
    oracle = LocalOracle(Victim(), budget=9)
    oracle.answer = lambda inputs, asks: asked.append(asks) or Victim()(inputs)
    first, other = rows(1), rows(1, start=1)
    oracle.query(first)
    oracle.query(np.concatenate([first, other, first]), repeats=True)
    oracle.query(np.concatenate([first, other]))
    assert asked == [[0], [1, 0, 2]], "Rows that have their answer are not asked again."


def test_an_empty_batch_costs_nothing():
    oracle = LocalOracle(Victim(), budget=1)
    assert oracle.query(rows(0)).shape == (0, 4)
    assert oracle.queries_used == 0


@pytest.mark.parametrize("answers, message", [
    ([[2.0, -1.0]], "each at least 0.*-1.0.*logits"),
    ([[np.nan, 1.0]], "NaN or infinity in 1 of 1 rows"),
    ([[0.5, 0.9]], r"summing to 1 \(within 0.01\). Received: row sums from 1.4 to 1.4"),
    ([0.5], r"shape \(1, classes\)"),
    ([[0.5, 0.5], [0.5, 0.5]], r"Received: shape \(2, 2\)"),
])
def test_answers_that_are_no_probabilities_are_refused_and_not_charged(answers, message):
    oracle = LocalOracle(Victim(answers), budget=5)
    with pytest.raises(ValueError, match=message):
        oracle.query(rows(1))
    assert oracle.queries_used == 0


def test_a_budget_is_positive():
    with pytest.raises(ValueError, match="positive number of rows. Received: budget=0"):
        LocalOracle(Victim(), budget=0)


def test_a_digest_tells_inputs_apart():
    """By dtype, shape and values; not by how they lie in memory."""
    row = np.arange(12, dtype=np.float32).reshape(3, 4)
    others = [row.T.copy(), row.ravel(), row.astype(np.float64), row.view(np.int32), row + 1, -row]
    assert len({digest(each) for each in [row, *others]}) == 1 + len(others)
    assert digest(np.asfortranarray(row)) == digest(row) == digest(np.repeat(row, 2, 0)[::2])
    assert digest(np.float32(-0.0).reshape(())) != digest(np.float32(0.0).reshape(()))
    assert len(digest(row)) == 16
