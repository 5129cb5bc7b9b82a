"""The Knockoff attack: its bandit, its rewards and its queries."""
import numpy as np
import pytest

from attacks.adversaries.labels import Labels
from attacks.grid.registries import ATTACKS
from attacks.queries import knockoff
from attacks.queries.knockoff import Knockoff
from attacks.queries.pools import Pools
from attacks.queries.selection.bandit import GradientBandit
from attacks.queries.selection.rewards import PARTS
from attacks.queries.selection.rewards import Rewards
from tests.attacks import thieves

POOLS = Pools(thieves.POOL, (0.0, 1.0))


def steal(budget, **options):
    knobs = {key: options.pop(key) for key in ("seed", "adversary", "predict") if key in options}
    return thieves.steal(Knockoff(**options), budget, pools=POOLS, **knobs)


@pytest.mark.parametrize("paying", [0, 3])
def test_the_arm_with_the_highest_reward_is_preferred(paying):
    """Holds for each of 20 simulated bandits, whose arms pay .9 or .1, with noise."""
    for seed in range(20):
        rng, bandit = np.random.default_rng(seed), GradientBandit(5, 25)
        is_open = np.ones(5, bool)
        for _ in range(60):
            policy = bandit.policy(is_open)
            assert policy.sum() == pytest.approx(1) and (policy >= 0).all()
            arms = bandit.draw(np.full(5, 1000), 8, rng)
            rewards = np.where(arms == paying, 0.9, 0.1) + rng.uniform(-0.1, 0.1, 8)
            bandit.update(arms, rewards, policy)
        assert bandit.policy(is_open).argmax() == paying
        assert bandit.policy(is_open)[paying] > 0.4


def test_preferences_follow_the_formula():
    """Three pulls by hand: a step is 1 / pulls of the arm, the baseline the mean so far."""
    bandit, policy = GradientBandit(3, 25), np.full(3, 1 / 3)
    bandit.update(np.array([0, 1, 1]), np.array([0.5, 1.0, 0.0]), policy)
    expected = (0.5 / 1 - 0.75 / 2) * (np.array([0, 1, 0]) - policy)
    got = bandit.policy(np.ones(3, bool))
    np.testing.assert_allclose(got, np.exp(expected) / np.exp(expected).sum())


@pytest.mark.parametrize("window", [1, 2, 5])
def test_the_baseline_is_the_mean_of_the_last_rewards_before_it(window):
    rng = np.random.default_rng(3)
    arms, rewards, policy = rng.integers(3, size=12), rng.random(12), np.full(3, 1 / 3)
    bandit, preferences, pulls = GradientBandit(3, window), np.zeros(3), np.zeros(3)
    for start in (0, 5):  # Two rounds.
        part = slice(start, None if start else 5)
        bandit.update(arms[part], rewards[part], policy)
    for i, (arm, reward) in enumerate(zip(arms, rewards)):
        baseline = rewards[max(0, i - window):i].mean() if i else reward
        pulls[arm] += 1
        preferences += (reward - baseline) / pulls[arm] * (np.eye(3)[arm] - policy)
    expected = np.exp(preferences) / np.exp(preferences).sum()
    np.testing.assert_allclose(bandit.policy(np.ones(3, bool)), expected)


def test_exhausted_arms_are_never_drawn():
    bandit, rng = GradientBandit(4, 25), np.random.default_rng(0)
    bandit.update(np.array([1, 2] * 20), np.array([1, 0] * 20), np.full(4, 0.25))
    left = np.array([3, 0, 1, 5])
    assert bandit.policy(left > 0)[1] == 0
    assert np.bincount(bandit.draw(left, 9, rng), minlength=4).tolist() == left.tolist()


@pytest.mark.parametrize("part", [*PARTS, "all"])
def test_rewards_are_from_0_to_1_and_constant_ones_are_0(part):
    rng = np.random.default_rng(1)
    parts = PARTS if part == "all" else (part,)
    rewards, answers = Rewards(parts, 25), rng.dirichlet(np.full(5, 0.3), (6, 9))
    for i, targets in enumerate(answers):
        got = rewards.of(targets, answers[i - 1] if i else None)
        assert got.shape == (9,) and (got >= 0).all() and (got <= 1).all()
        # Before the substitute is trained, all losses are equal.
        assert got.max() > 0 or (part == "loss" and not i)
    same = Rewards(parts, 25)
    for _ in range(3):
        got = same.of(np.full((4, 5), 0.2), np.full((4, 5), 0.2))
        np.testing.assert_array_equal(got, 0)


@pytest.mark.parametrize("window", [1, 3, 100])
def test_rewards_follow_their_formulas_over_a_window_of_past_rows(window):
    """The reference is a loop over the rows of three rounds, before they are normalised."""
    rng, rounds = np.random.default_rng(2), (slice(0, 4), slice(4, 9), slice(9, 15))
    targets, said = rng.dirichlet(np.ones(4), 15), rng.dirichlet(np.ones(4), 15)
    said[:4] = 0.25  # Not trained in the first round.
    raw = {part: [] for part in PARTS}
    for i, (y, p) in enumerate(zip(targets, said)):
        ordered = sorted(y)
        raw["certainty"].append(ordered[-1] - ordered[-2])
        means = targets[max(0, i - window):i].mean(axis=0) if i else y
        raw["diversity"].append(sum(max(0, y[k] - means[k]) for k in range(4)))
        raw["loss"].append(-sum(y[k] * np.log(p[k]) for k in range(4)))

    def normalised(values, part):
        seen = values[max(0, part.start - window):part.stop]
        span = max(seen) - min(seen)
        return (np.array(values[part]) - min(seen)) / (span if span > 1e-9 else np.inf)

    for parts in (*[(part,) for part in PARTS], PARTS):
        rewards = Rewards(parts, window)
        for part in rounds:
            got = rewards.of(targets[part], said[part] if part.start else None)
            expected = [normalised(raw[name], part) for name in parts]
            np.testing.assert_allclose(got, np.mean(expected, axis=0), atol=1e-12)


@pytest.mark.parametrize("options", [{}, {"reward": "certainty"}, {"pool": "digits", "batch": 7}])
@pytest.mark.parametrize("budget", [1, 2, 17, 100])
def test_the_budget_is_spent_in_rounds_and_no_row_is_queried_twice(options, budget):
    thief, oracle = steal(budget, **options)
    assert oracle.queries_used == budget == len(np.unique(thief.inputs, axis=0))
    batch = options.get("batch", 32)
    full, rest = divmod(budget, batch)
    assert thief.rows_per_round == [batch] * full + [rest] * (rest > 0)


def test_the_whole_pool_can_be_queried():
    thief, _ = steal(60, pool="own", batch=9)
    assert sorted(thief.inputs.sum(axis=(1, 2, 3))) == sorted(thieves.POOL.sum(axis=(1, 2, 3)))


def test_the_queries_follow_from_the_seed():
    np.testing.assert_array_equal(steal(40)[0].inputs, steal(40)[0].inputs)
    assert not np.array_equal(steal(40)[0].inputs, steal(40, seed=1)[0].inputs)


def test_the_certainty_of_labels_is_constant_and_does_no_harm():
    thief, _ = steal(40, adversary=Labels(), reward="certainty")
    assert set(thief.targets.ravel()) == {0, 1}


def test_the_answers_of_the_victim_decide_what_is_queried():
    """A victim that is certain of threes alone gets many of them as queries."""
    digits = POOLS.foreign("digits")
    threes = digits.inputs[digits.classes == 3].reshape(-1, 64)

    def answer(inputs):
        is_three = (inputs.reshape(-1, 1, 64) == threes).all(axis=2).any(axis=1)
        return np.where(is_three[:, None], [[1, 0]], [[0.5, 0.5]]).astype(np.float32)

    for seed in range(3):
        thief, _ = steal(300, pool="digits", reward="certainty", batch=8, predict=answer, seed=seed)
        assert thief.targets.max(axis=1).sum() > 150 + 2 * 15 / 2


def test_the_arms_are_the_classes_of_another_data_set_or_clusters(monkeypatch):
    thief, _ = thieves.make_thief(10, pools=POOLS)
    np.testing.assert_array_equal(Knockoff("digits").arms(thief), POOLS.foreign("digits").classes)
    for pool in ("photos", "own"):
        rows = len(Knockoff(pool).candidates(POOLS))
        arms = Knockoff(pool, clusters=4).arms(thief)
        assert arms.shape == (rows,) and set(arms) == set(range(4))
        np.testing.assert_array_equal(arms, Knockoff(pool, clusters=4).arms(thief))


def test_a_cluster_holds_neighbours_and_there_are_no_more_clusters_than_rows():
    rng = np.random.default_rng(0)
    centers = rng.permutation(np.repeat([0, 1, 2], 30))
    inputs = (centers[:, None, None] + rng.uniform(-0.1, 0.1, (90, 4, 4))).astype(np.float32)
    found = knockoff.clusters(inputs, 3, rng)
    assert len({*zip(centers, found)}) == 3
    assert len(set(knockoff.clusters(inputs[:2], 10, rng))) == 2


def test_every_row_belongs_to_one_arm():
    arms = np.array([4, 0, 4, 2, 0, 4])
    rows = knockoff.rows_by_arm(arms, np.random.default_rng(0))
    assert [sorted(arm) for arm in rows] == [[1, 4], [3], [0, 2, 5]]


@pytest.mark.parametrize("options, message", [
    ("reward=money", "`reward` must be one of certainty, diversity, loss, all. Received: 'money'"),
    ("clusters=1", "`clusters` must be an integer of 2 or more. Received: clusters=1"),
    ("batch=0", "`batch` must be an integer of 1 or more. Received: batch=0"),
    ("epochs=0", "`epochs` must be an integer of 1 or more. Received: epochs=0"),
    ("window=0", "`window` must be an integer of 1 or more. Received: window=0"),
])
def test_options_out_of_range_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        ATTACKS.make(f"knockoff:{options}")


def test_budgets_and_pools_are_checked_before_the_run():
    with pytest.raises(ValueError, match="at most the 60 rows of the thief's pool. Received: 61"):
        Knockoff("own").check(61, POOLS)
    vectors = Pools(np.zeros((60, 20), np.float32), (0.0, 1.0))
    Knockoff("own").check(60, vectors)
    with pytest.raises(ValueError, match="`pool` must be own where the inputs are no images"):
        Knockoff().check(1, vectors)
