"""Recovery by looking up simulated answers."""

import numpy as np
import pytest

from attacks.adversaries.bayes import Bayes
from attacks.adversaries.bayes import Lookup
from attacks.adversaries.recovery import simulated_recovery
from attacks.adversaries.recovery.simulation import Pairs
from attacks.adversaries.recovery.simulation import pairs_of_dirichlet
from attacks.clone.transfer_set import one_hot_labels
from attacks.grid.registries import ADVERSARIES
from attacks.queries.sample import Sample
from revsig_keras.defences.catalogue import make_defence
from tests.attacks import thieves
from tests.attacks.adversaries import recoveries
from tests.attacks.adversaries.recoveries import DEFENCE
from tests.attacks.adversaries.recoveries import distance
from tests.attacks.adversaries.recoveries import known

CLEAN = recoveries.held_out()
ANSWERS = recoveries.answer(CLEAN)


def plain_lookup(pairs, tolerance, answers):
    """The formula in a loop over answers and pairs."""
    recovered = []
    for a in answers.astype(np.float64):
        same = pairs.answers.argmax(axis=1) == a.argmax()
        distances = np.abs(pairs.answers[same].astype(np.float64) - a).sum(axis=1)
        near = distances <= max(tolerance, distances.min())
        recovered.append(pairs.clean[same][near].astype(np.float64).mean(axis=0))
    return np.array(recovered)


@pytest.mark.parametrize("tolerance", [0.0, 0.01, 0.1, 3.0])
def test_the_mean_is_that_of_a_plain_loop(tolerance):
    pairs = pairs_of_dirichlet(make_defence(DEFENCE), 10, 5000)
    found = Lookup(pairs, tolerance)(ANSWERS)
    np.testing.assert_allclose(found, plain_lookup(pairs, tolerance, ANSWERS), atol=1e-6)


def test_with_the_dirichlet_prior_answers_are_recovered_at_once():
    recovered = Bayes(prior="dirichlet").read(ANSWERS, known())
    recoveries.assert_distributions(recovered, ANSWERS)
    assert distance(recovered, CLEAN) < 0.2 * distance(ANSWERS, CLEAN)


def test_a_wrong_guess_recovers_worse():
    right, wrong = (Bayes(*guess, prior="dirichlet", pairs=20_000).read(ANSWERS, known())
                    for guess in ((1.0, 0.2), (0.4, 0.2)))
    assert distance(right, CLEAN) < 0.7 * distance(wrong, CLEAN)
    same = Bayes(prior="dirichlet", pairs=20_000).read(ANSWERS, known())
    np.testing.assert_array_equal(right, same)


def test_an_answer_with_a_label_that_no_pair_has_becomes_its_label():
    pairs = Pairs(np.float32([[0.7, 0.2, 0.1]]), np.float32([[0.5, 0.3, 0.2]]))
    answers = np.float32([[0.1, 0.6, 0.3], [0.6, 0.3, 0.1]])
    np.testing.assert_allclose(Lookup(pairs, 0.01)(answers), [[0, 1, 0], [0.7, 0.2, 0.1]])


def test_where_labels_are_not_kept_all_pairs_are_looked_up():
    pairs = Pairs(np.float32([[0.7, 0.2, 0.1], [0.1, 0.7, 0.2]]),
                  np.float32([[0.32, 0.34, 0.34], [0.4, 0.5, 0.1]]))
    assert not pairs.keep_labels
    answers = np.float32([[0.33, 0.33, 0.34], [0.5, 0.4, 0.1]])
    np.testing.assert_allclose(Lookup(pairs, 0.01)(answers), pairs.clean)


def test_the_default_prior_is_the_better_one():
    assert Bayes().prior == "dirichlet"
    assert ADVERSARIES.resolve("bayes") == ADVERSARIES.resolve("bayes:prior=dirichlet")


@pytest.mark.parametrize("prior, simulation, rows", [
    ("clone", "pairs_of_outputs", len(thieves.POOL) + 12),
    ("estimated", "pairs_of_estimates", 12),
])
def test_with_priors_of_a_clone_labels_are_read_and_answers_are_recovered_in_training(
        monkeypatch, prior, simulation, rows):
    made = []

    def recorded(layer, outputs, pairs, seed):
        made.append((layer.beta, outputs, pairs, seed))
        return simulate(layer, outputs, pairs, seed)

    simulate = getattr(simulated_recovery, simulation)
    monkeypatch.setattr(simulated_recovery, simulation, recorded)
    thief, _ = thieves.make_thief(12,
                                  seed=5,
                                  adversary=Bayes(prior=prior, pairs=2000),
                                  predict=lambda x: recoveries.answer(thieves.ask(x)),
                                  defence=DEFENCE)
    Sample().steal(thief)
    np.testing.assert_array_equal(thief.targets, one_hot_labels(thief.transfer_set().answers))
    clone = thief.clone()
    (beta, outputs, pairs, seed), = made
    assert (beta, pairs, seed, len(outputs)) == (1.0, 2000, 5, rows)
    assert clone.digest == thief.clone().digest


@pytest.mark.parametrize("name", ["bayes", "learned_recovery", "inverse"])
def test_defences_that_cannot_be_undone_are_left_out(name):
    thief, guessing = ADVERSARIES.make(name), ADVERSARIES.make(f"{name}:beta=1:gamma=.2")
    assert thief.needs == "probabilities"
    assert thief.unfit("none") is guessing.unfit("none") is None  # a control
    assert thief.unfit("label_only") == f"{name}: of a label alone there is nothing to recover"
    assert thief.unfit("as_served").startswith(f"{name}: an endpoint does not tell its defence")
    assert guessing.unfit("as_served") is None and thief.unfit("reverse_sigmoid") is None


@pytest.mark.parametrize("member, message", [
    ("bayes:prior=uniform", "`prior` must be one of clone, dirichlet, estimated. Rec.*'uniform'"),
    ("bayes:pairs=0", "`pairs` must be an integer of 1 or more. Received: pairs=0"),
    ("bayes:tolerance=-.1", "`tolerance` must be at least 0. Received: -0.1"),
    ("bayes:beta=1", "`beta` and `gamma` must be given both"),
    ("bayes:beta=2:gamma=.2", "`beta` must be a number with 0 < beta < 2"),
    ("learned_recovery:epochs=0", "`epochs` must be an integer of 1 or more. Received: epochs=0"),
    ("inverse:gamma=.2", "`beta` and `gamma` must be given both"),
])
def test_options_out_of_range_are_refused(member, message):
    with pytest.raises(ValueError, match=message):
        ADVERSARIES.make(member)


def test_the_defaults_are_those_that_are_listed_as_published_or_measured():
    """See docs/published_attacks.md: the tolerance is ModelGuard's, prior and pairs are not."""
    default = Bayes()
    assert (default.tolerance, default.prior, default.pairs) == (0.01, "dirichlet", 100_000)
