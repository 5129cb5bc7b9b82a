"""Recovery by a network, and all adversaries that recover in one run."""

import dataclasses

import numpy as np

from attacks.adversaries import learned_recovery
from attacks.adversaries.learned_recovery import LearnedRecovery
from attacks.adversaries.learned_recovery import RecoveryNetwork
from attacks.adversaries.recovery.simulation import Pairs
from attacks.adversaries.recovery.simulation import pairs_of_outputs
from revsig_keras import ReverseSigmoid
from tests.attacks.adversaries import recoveries
from tests.attacks.adversaries.recoveries import distance
from tests.attacks.adversaries.recoveries import known
from tests.attacks.programs import call
from tests.attacks.programs import summary

CLEAN = recoveries.held_out()
ANSWERS = recoveries.answer(CLEAN)
QUICK = LearnedRecovery(prior="dirichlet", pairs=20_000, epochs=20)


def test_the_published_prior_recovers_as_answers_come():
    recovered = QUICK.read(ANSWERS, known())
    recoveries.assert_distributions(recovered, ANSWERS)
    assert distance(recovered, CLEAN) < 0.2 * distance(ANSWERS, CLEAN)


def test_a_wrong_guess_recovers_worse():
    wrong = dataclasses.replace(QUICK, beta=0.4, gamma=0.2).read(ANSWERS, known())
    assert distance(QUICK.read(ANSWERS, known()), CLEAN) < 0.7 * distance(wrong, CLEAN)


def test_a_network_follows_from_its_seed_whatever_was_trained_before():
    pairs = pairs_of_outputs(ReverseSigmoid(), CLEAN, 3000, seed=0)
    first = RecoveryNetwork(pairs, epochs=2, seed=1)
    before = first(ANSWERS)
    other = RecoveryNetwork(pairs, epochs=2, seed=2)
    again = RecoveryNetwork(pairs, epochs=2, seed=1)
    np.testing.assert_array_equal(again(ANSWERS), before)
    assert not np.array_equal(other(ANSWERS), before)
    np.testing.assert_array_equal(first(ANSWERS), before)


def test_a_network_of_the_published_prior_is_made_once(monkeypatch):
    recovered = QUICK.read(ANSWERS, known())
    monkeypatch.setattr(learned_recovery, "RecoveryNetwork", None)
    same = LearnedRecovery(prior="dirichlet", pairs=20_000, epochs=20).read(ANSWERS, known(seed=1))
    np.testing.assert_array_equal(same, recovered)


def test_labels_are_left_to_the_network_where_the_defence_does_not_keep_them():
    mirrored = RecoveryNetwork(Pairs(CLEAN, CLEAN[:, ::-1]), epochs=60, seed=0)(CLEAN[:, ::-1])
    assert np.mean(mirrored.argmax(axis=1) == CLEAN.argmax(axis=1)) > 0.9


def test_hidden_layers_are_wider_for_many_classes():
    for num_classes, units in ((10, [128, 64]), (99, [128, 64]), (100, [1024, 512])):
        layers = learned_recovery._build(num_classes, seed=0).layers
        widths = [layer.units for layer in layers if hasattr(layer, "units")]
        assert widths == [*units, num_classes]


def test_all_of_them_in_a_run_by_flags(tmp_path, capsys):
    adversaries = ("averaged", "averaged:queries=2:shift=0", "bayes", "bayes:prior=dirichlet",
                   "bayes:beta=.8:gamma=.3", "learned_recovery:pairs=20000:epochs=5", "inverse")
    flags = ("--victim_architecture=mlp", "--victim_steps=150", "--clone_architecture=mlp",
             "--steps=40", "--budgets=20", "--seeds=3", f"--adversaries={','.join(adversaries)}",
             f"--output_dir={tmp_path}")
    assert call(*flags) == 0
    rows = {(row["defence"], row["adversary"]): row for row in summary(tmp_path)}
    assert len(rows) == 2 * len(adversaries) - 5
    for (_, adversary), row in rows.items():
        queries = {"averaged": "18"}.get(adversary, "20")
        assert row["queries_used"] == queries and float(row["agreement_clean"]) > 0.05
    error = capsys.readouterr().err
    for name in ("bayes", "learned_recovery", "inverse"):
        assert f"{name}: there is no defence to undo" in error
