"""Simulated pairs: the priors, and the deployed defence."""

import numpy as np
import pytest

from attacks.adversaries.guess import Guess
from attacks.adversaries.recovery.simulation import Pairs
from attacks.adversaries.recovery.simulation import pairs_of_dirichlet
from attacks.adversaries.recovery.simulation import pairs_of_estimates
from attacks.adversaries.recovery.simulation import pairs_of_outputs
from revsig_keras import ReverseSigmoid

OUTPUTS = np.random.default_rng(1).dirichlet([0.2] * 4, 50).astype(np.float32)


def test_the_prior_is_centred_on_each_label_alike():
    pairs = pairs_of_dirichlet(ReverseSigmoid(), 10, 40_000)
    labels = pairs.clean.argmax(axis=1)
    np.testing.assert_array_equal(np.bincount(labels), [4000] * 10)
    np.testing.assert_allclose(pairs.clean.sum(axis=1), 1, atol=1e-6)
    tops = pairs.clean.max(axis=1)
    assert abs(tops.mean() - 0.91) < 1e-3  # (1 - s) + s / K
    assert abs(tops.var() - 0.91 * 0.09 / 81) < 1e-4  # of a Dirichlet with a sum of 8 K = 80


def test_pairs_are_complete_if_made_in_several_batches(monkeypatch):
    monkeypatch.setattr("attacks.adversaries.recovery.simulation._BATCH_ENTRIES", 400)
    pairs = pairs_of_outputs(ReverseSigmoid(), OUTPUTS, 250, seed=1)
    assert pairs.clean.shape == (250, 4)
    np.testing.assert_allclose(pairs.clean.sum(axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(pairs.answers, ReverseSigmoid()(pairs.clean), atol=1e-7)


@pytest.mark.parametrize("preserve_top1", ["true", "false"])
@pytest.mark.parametrize("guess", [Guess(), Guess(1.5, 0.2)])
def test_the_defence_is_simulated_as_deployed(guess, preserve_top1):
    """At this magnitude most rows are scaled back if the label is preserved."""
    defence = f"reverse_sigmoid:beta=1.5:gamma=.2:preserve_top1={preserve_top1}"
    layer = ReverseSigmoid(1.5, 0.2, preserve_top1 == "true")
    for pairs in (pairs_of_dirichlet(guess.layer(defence), 10, 500),
                  pairs_of_outputs(guess.layer(defence), OUTPUTS, 500, seed=0)):
        np.testing.assert_allclose(pairs.answers, layer(pairs.clean), atol=1e-7)
    assert pairs.keep_labels == (preserve_top1 == "true")


def test_pairs_of_estimates_are_centred_on_each_estimate_alike():
    """Dirichlet with the means p and the sum 8 K = 32, as many for each estimate."""
    estimates = np.float32([[0.7, 0.2, 0.1, 0.0], [0.1, 0.2, 0.3, 0.4]])
    pairs = pairs_of_estimates(ReverseSigmoid(), estimates, 40_000, seed=0)
    np.testing.assert_allclose(pairs.clean.sum(axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(pairs.answers, ReverseSigmoid()(pairs.clean), atol=1e-7)
    for number, p in enumerate(estimates):
        rows = pairs.clean[number::2]
        np.testing.assert_allclose(rows.mean(axis=0), p, atol=3e-3)
        np.testing.assert_allclose(rows.var(axis=0), p * (1 - p) / 33, atol=5e-4)


def test_pairs_of_outputs_are_neighbours_of_the_outputs():
    one = np.array([[0.7, 0.2, 0.1, 0.0]], np.float32)
    pairs = pairs_of_outputs(ReverseSigmoid(), one, 4000, seed=0)
    odds = np.log(pairs.clean[:, 0] / pairs.clean[:, 1])
    assert abs(np.median(odds) - np.log(3.5)) < 0.2 and odds.std() > 1
    np.testing.assert_allclose(pairs.clean.sum(axis=1), 1, atol=1e-6)
    assert pairs.clean[:, 3].max() < 1e-6


def test_pairs_of_a_clone_follow_from_the_seed():
    for simulate in (pairs_of_outputs, pairs_of_estimates):
        first, same, other = (simulate(ReverseSigmoid(), OUTPUTS, 100, seed) for seed in (0, 0, 1))
        np.testing.assert_array_equal(first.clean, same.clean)
        assert not np.array_equal(first.clean, other.clean)


def test_pairs_tell_whether_labels_are_kept():
    assert Pairs(OUTPUTS, OUTPUTS).keep_labels
    assert not Pairs(OUTPUTS, OUTPUTS[:, ::-1]).keep_labels
