"""Active learning: the choices of each strategy, against its formula, and the queries."""
import functools
import types

import keras
import numpy as np
import pytest

from attacks.grid.registries import ATTACKS
from attacks.queries.active import Active
from attacks.queries.pools import Pools
from attacks.queries.selection import deepfool
from attacks.queries.selection.strategies import STRATEGIES
from models.gradients import input_gradients
from models.inference import probabilities
from tests.attacks import thieves

POOLS = Pools(np.random.default_rng(5).random((130, 8, 8, 1), np.float32), (0.0, 1.0))
BATCHES = [1, 7, 20]


def steal(budget, seed=0, **options):
    return thieves.steal(Active(**options), budget, seed=seed, pools=POOLS)


def substitute_of(model):
    return types.SimpleNamespace(probabilities=functools.partial(probabilities, model),
                                 gradients=functools.partial(input_gradients, model))


def linear(classes, features, seed=0):
    """A linear model, its weights `[features, classes]` and biases."""
    rng = np.random.default_rng(seed)
    weights = rng.normal(size=(features, classes)).astype(np.float32)
    biases = rng.normal(size=classes).astype(np.float32)
    model = keras.Sequential([keras.Input((features,)), keras.layers.Dense(classes)])
    model.set_weights([weights, biases])
    return substitute_of(model), weights.astype(np.float64), biases.astype(np.float64)


# A substitute that answers with its inputs.
ECHO = types.SimpleNamespace(probabilities=lambda inputs: inputs)
P = np.random.default_rng(8).dirichlet(np.ones(4), 50).astype(np.float32)
ASKED = np.random.default_rng(9).dirichlet(np.ones(4), 6).astype(np.float32)


@pytest.mark.parametrize("count", BATCHES)
def test_uncertainty_is_entropy(count):
    entropies = [-sum(float(x) * np.log(float(x)) for x in row) for row in P]
    expected = sorted(range(50), key=lambda i: -entropies[i])[:count]
    assert STRATEGIES["uncertainty"](ECHO, P, ASKED, count).tolist() == expected


def test_a_probability_of_zero_adds_nothing_to_the_entropy():
    sure = np.array([[1, 0, 0], [0.9, 0.1, 0], [0.5, 0.5, 0]], np.float32)
    assert STRATEGIES["uncertainty"](ECHO, sure, sure, 3).tolist() == [2, 1, 0]


@pytest.mark.parametrize("count", BATCHES)
def test_the_margin_is_between_the_two_largest_probabilities(count):
    margins = [sorted(row)[-1] - sorted(row)[-2] for row in P]
    expected = sorted(range(50), key=lambda i: margins[i])[:count]
    assert STRATEGIES["margin"](ECHO, P, ASKED, count).tolist() == expected


@pytest.mark.parametrize("count", [*BATCHES, 50])
def test_k_center_chooses_the_farthest_from_all_earlier_points(count):
    centers, expected = list(ASKED.astype(np.float64)), []
    for _ in range(count):
        gaps = [
            -1 if i in expected else min(np.linalg.norm(row - center)
                                         for center in centers)
            for i, row in enumerate(P.astype(np.float64))
        ]
        expected.append(int(np.argmax(gaps)))
        centers.append(P[expected[-1]].astype(np.float64))
    assert STRATEGIES["k_center"](ECHO, P, ASKED, count).tolist() == expected


def test_k_center_chooses_no_candidate_twice_even_if_answers_are_equal():
    same = np.full((5, 2), 0.5, np.float32)
    assert sorted(STRATEGIES["k_center"](ECHO, same, same, 5)) == list(range(5))


@pytest.mark.parametrize("classes", [2, 5])
def test_deepfool_is_exact_for_a_linear_model(classes):
    """The distance is that to the nearest hyperplane around the class."""
    substitute, weights, biases = linear(classes, 6)
    x = np.random.default_rng(1).normal(size=(80, 6)).astype(np.float32)
    logits = x @ weights + biases
    expected = []
    for row in logits:
        c = row.argmax()
        expected.append(
            min((row[c] - row[k]) / np.linalg.norm(weights[:, c] - weights[:, k])
                for k in range(classes)
                if k != c))
    np.testing.assert_allclose(deepfool.distances(substitute, x), expected, rtol=1e-4, atol=1e-6)
    chosen = STRATEGIES["adversarial"](substitute, x, x, 10)
    assert chosen.tolist() == np.argsort(expected, kind="stable")[:10].tolist()


def test_deepfool_finds_the_border_of_a_curved_model():
    """The logits of x are (|x|^2, 1), so the border is the unit circle."""
    inputs = keras.Input((2,))
    square = keras.ops.sum(inputs**2, axis=1, keepdims=True)
    model = keras.Model(inputs, keras.ops.concatenate([square, keras.ops.ones_like(square)], 1))
    angle = np.linspace(0, 6, 12)
    radius = np.linspace(0.6, 1.5, 12)
    x = (radius * np.array([np.cos(angle), np.sin(angle)])).T.astype(np.float32)
    got, expected = deepfool.distances(substitute_of(model), x), np.abs(radius - 1)
    np.testing.assert_allclose(got[radius > 1], expected[radius > 1], atol=0.01)
    # From inside, the first step of Newton's method on a convex function is always too long.
    assert (got >= expected - 0.01)[radius < 1].all() and (got < 1.4 * expected)[radius < 1].all()


def test_without_a_gradient_the_distance_is_infinite():
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    model.set_weights([np.zeros((3, 2)), np.array([1.0, 0.0])])
    got = deepfool.distances(substitute_of(model), np.ones((4, 3), np.float32))
    np.testing.assert_array_equal(got, np.inf)


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("budget", [1, 2, 17, 100])
def test_the_budget_is_spent_in_rounds_and_no_row_is_queried_twice(strategy, budget):
    thief, oracle = steal(budget, strategy=strategy, rounds=3, epochs=2)
    assert oracle.queries_used == budget == len(np.unique(thief.inputs, axis=0))
    seeds = {1: 1, 2: 1, 17: 2, 100: 10}[budget]
    rounds = {1: [], 2: [1], 17: [5, 5, 5], 100: [30, 30, 30]}[budget]
    assert thief.rows_per_round == [seeds, *rounds]


def test_the_last_round_queries_only_the_rest_of_the_budget():
    assert steal(21, seeds=0.2, rounds=4, epochs=1)[0].rows_per_round == [4, 5, 5, 5, 2]
    assert steal(9, seeds=1)[0].rows_per_round == [9]


def test_the_whole_pool_can_be_queried():
    thief, _ = steal(130, rounds=2, epochs=1)
    assert len(np.unique(thief.inputs, axis=0)) == 130


def test_equal_rows_of_the_pool_do_not_stop_the_attack():
    twice = Pools(np.repeat(POOLS.own[:30], 2, axis=0), (0.0, 1.0))
    thief, oracle = thieves.steal(Active(rounds=2, epochs=1), 30, pools=twice)
    assert oracle.queries_used == 30 and thief.left == 0


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_the_queries_follow_from_the_seed(strategy):
    options = {"strategy": strategy, "rounds": 2, "epochs": 2}
    first = steal(20, **options)[0].inputs
    np.testing.assert_array_equal(first, steal(20, **options)[0].inputs)
    assert not np.array_equal(first, steal(20, seed=1, **options)[0].inputs)


def test_each_round_queries_the_choice_of_its_own_substitute(monkeypatch):
    """That substitute was trained on all earlier queries, from new weights, and chooses among the
    rest of the pool."""
    thief, _ = thieves.make_thief(24, pools=POOLS)
    trained = []

    def substitute(epochs, fresh):
        trained.append((epochs, fresh, len(thief.inputs)))
        return types.SimpleNamespace(probabilities=lambda inputs: thieves.ask(inputs))

    monkeypatch.setattr(thief, "substitute", substitute)
    Active(seeds=0.25, rounds=3, epochs=9).steal(thief)
    assert trained == [(9, True, 6), (9, True, 12), (9, True, 18)]
    # The means of the inputs nearest to one half, which is where the entropy is largest.
    gaps = np.abs(thieves.ask(POOLS.own)[:, 0] - 0.5)
    seeds = np.abs(thieves.ask(thief.inputs[:6])[:, 0] - 0.5)
    asked = np.abs(thieves.ask(thief.inputs[6:])[:, 0] - 0.5)
    rest = sorted(set(gaps) - set(seeds))
    np.testing.assert_allclose(asked, rest[:18], atol=1e-5)


def watch_candidates(monkeypatch, budget, pools, strategy, **options):
    """The numbers of the candidates of each round, each a row's place in the pool, and the queried
    rows."""
    seen = []

    def last(substitute, candidates, asked, count):
        del substitute, asked
        seen.append(candidates[:, 0].astype(int).tolist())
        return np.arange(len(candidates))[-count:]

    monkeypatch.setitem(STRATEGIES, strategy, last)
    thief, _ = thieves.make_thief(budget, pools=pools, predict=lambda x: np.full((len(x), 2), 0.5))
    monkeypatch.setattr(thief, "substitute", lambda epochs, fresh: None)
    Active(strategy, **options).steal(thief)
    return seen, thief.inputs[:, 0].astype(int).tolist()


NUMBERS = Pools(np.arange(3000, dtype=np.float32).repeat(2).reshape(3000, 2), (0.0, 3000.0))


@pytest.mark.parametrize("strategy, options, examined", [
    ("adversarial", {}, 1000),
    ("adversarial", {
        "candidates": 400
    }, 400),
    ("adversarial", {
        "candidates": 5000
    }, None),
    ("uncertainty", {}, None),
    ("uncertainty", {
        "candidates": 400
    }, 400),
    ("k_center", {
        "candidates": 1
    }, 20),
])
def test_candidates_are_drawn_anew_in_each_round(monkeypatch, strategy, options, examined):
    seen, asked = watch_candidates(monkeypatch, 120, NUMBERS, strategy, seeds=1 / 6, rounds=5,
                                   **options)  # yapf: disable
    assert len(seen) == 5 and len(set(asked)) == 120
    for number, candidates in enumerate(seen):
        queried = asked[:20 + 20 * number]
        assert len(set(candidates)) == len(candidates) == (examined or 3000 - len(queried))
        assert not set(candidates) & set(queried)
        assert asked[20 + 20 * number:40 + 20 * number] == candidates[-20:]
    for one, next_one in zip(seen, seen[1:]):
        if examined:  # Two draws of n rows of 3,000 share n^2 / 3,000 of them.
            assert len(set(one) & set(next_one)) < 1.5 * examined**2 / 3000 + 3


def test_the_adversarial_strategy_examines_four_per_choice_where_that_is_more(monkeypatch):
    seen, _ = watch_candidates(monkeypatch, 1000, NUMBERS, "adversarial", seeds=0.4, rounds=2)
    assert [len(candidates) for candidates in seen] == [1200, 1200]


@pytest.mark.parametrize("options, message", [
    ("strategy=luck", "uncertainty, margin, k_center, adversarial. Received: 'luck'"),
    ("seeds=0", r"`seeds` must be in \(0, 1\]. Received: 0"),
    ("seeds=1.5", "Received: 1.5"),
    ("rounds=0", "`rounds` must be an integer of 1 or more. Received: rounds=0"),
    ("epochs=0", "`epochs` must be an integer of 1 or more. Received: epochs=0"),
    ("candidates=-1", "`candidates` must be an integer of 0 or more: 0 takes the strategy's.*=-1"),
])
def test_options_out_of_range_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        ATTACKS.make(f"active:{options}")


def test_a_budget_above_the_pool_is_refused():
    with pytest.raises(ValueError, match="at most the 130 rows of the thief's pool. Received: 131"):
        Active().check(131, POOLS)
