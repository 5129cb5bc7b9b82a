"""A budget refuses, and answers that are no probabilities are not taken for any."""

import numpy as np
import pytest

from attacks.oracle.oracle import BudgetExceededError
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
    assert asked == [[0], [1, 0, 2], [0, 0]]


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
