"""Recovery by a network; the memory of a run; all recovering adversaries in one run."""

import dataclasses

import numpy as np
import pytest

from attacks.adversaries.bayes import Bayes
from attacks.adversaries.guess import Guess
from attacks.adversaries.inverse import Inverse
from attacks.adversaries.learned_recovery import LearnedRecovery
from attacks.adversaries.recovery import simulated_recovery
from attacks.adversaries.recovery.recovery_network import build_network
from attacks.adversaries.recovery.recovery_network import NetworkTrainer
from attacks.adversaries.recovery.simulation import Pairs
from attacks.adversaries.recovery.simulation import pairs_of_outputs
from attacks.clone.memory import Memory
from revsig_keras import ReverseSigmoid
from tests.attacks.adversaries import recoveries
from tests.attacks.adversaries.recoveries import distance
from tests.attacks.adversaries.recoveries import known
from tests.attacks.programs import call
from tests.attacks.programs import summary

CLEAN = recoveries.held_out()
ANSWERS = recoveries.answer(CLEAN)
QUICK = LearnedRecovery(prior="dirichlet", pairs=20_000, epochs=20)


def test_with_the_published_prior_answers_are_recovered_at_once():
    recovered = QUICK.read(ANSWERS, known())
    recoveries.assert_distributions(recovered, ANSWERS)
    assert distance(recovered, CLEAN) < 0.2 * distance(ANSWERS, CLEAN)


def test_a_wrong_guess_recovers_worse():
    wrong = dataclasses.replace(QUICK, beta=0.4, gamma=0.2).read(ANSWERS, known())
    assert distance(QUICK.read(ANSWERS, known()), CLEAN) < 0.7 * distance(wrong, CLEAN)


def test_a_network_follows_from_its_seed_and_not_from_earlier_ones():
    pairs = pairs_of_outputs(ReverseSigmoid(), CLEAN, 3000, seed=0)
    trainer = NetworkTrainer(10)
    first = trainer.train(pairs, epochs=2, seed=1)
    before = first(ANSWERS)
    other = trainer.train(pairs, epochs=2, seed=2)
    again = trainer.train(pairs, epochs=2, seed=1)
    np.testing.assert_array_equal(again(ANSWERS), before)
    assert not np.array_equal(other(ANSWERS), before)
    np.testing.assert_array_equal(first(ANSWERS), before)


@pytest.mark.parametrize("adversary", [
    QUICK,
    Bayes(prior="dirichlet", pairs=2000),
    Inverse(),
], ids=lambda adversary: adversary.name)  # yapf: disable
def test_tables_and_networks_are_made_once_for_all_thieves_of_a_run(adversary, monkeypatch):
    memory = Memory()
    recovered = adversary.read(ANSWERS, known(memory=memory))
    monkeypatch.setattr(Guess, "layer", None)  # Nothing can be simulated any more.
    same = dataclasses.replace(adversary).read(ANSWERS, known(seed=1, memory=memory))
    np.testing.assert_array_equal(same, recovered)
    with pytest.raises(TypeError):
        adversary.read(ANSWERS, known(memory=Memory()))


def test_adversaries_with_the_same_prior_share_its_pairs(monkeypatch):
    memory = Memory()
    QUICK.read(ANSWERS, known(memory=memory))
    monkeypatch.setattr(simulated_recovery, "pairs_of_dirichlet", None)
    Bayes(prior="dirichlet", pairs=QUICK.pairs).read(ANSWERS, known(memory=memory))
    with pytest.raises(TypeError):
        Bayes(prior="dirichlet", pairs=QUICK.pairs + 1).read(ANSWERS, known(memory=memory))


def test_the_network_decides_the_label_if_the_defence_does_not_keep_it():
    pairs = Pairs(CLEAN, CLEAN[:, ::-1])
    mirrored = NetworkTrainer(10).train(pairs, epochs=60, seed=0)(CLEAN[:, ::-1])
    assert np.mean(mirrored.argmax(axis=1) == CLEAN.argmax(axis=1)) > 0.9


def test_hidden_layers_are_wider_for_many_classes():
    for num_classes, units in ((10, [128, 64]), (99, [128, 64]), (100, [1024, 512])):
        layers = build_network(num_classes, seed=0).layers
        widths = [layer.units for layer in layers if hasattr(layer, "units")]
        assert widths == [*units, num_classes]


def test_all_of_them_in_a_run_of_the_program(tmp_path):
    adversaries = ("averaged", "averaged:queries=2:shift=0", "bayes", "bayes:prior=dirichlet",
                   "bayes:beta=.8:gamma=.3", "learned_recovery:pairs=20000:epochs=5", "inverse")
    flags = ("--victim_architecture=mlp", "--victim_steps=150", "--clone_architecture=mlp",
             "--steps=40", "--budgets=20", "--seeds=3", f"--adversaries={','.join(adversaries)}",
             f"--output_dir={tmp_path}")
    assert call(*flags) == 0
    rows = {(row["defence"], row["adversary"]): row for row in summary(tmp_path)}
    assert len(rows) == 2 * len(adversaries)  # Those who know that there is no defence: controls.
    for (_, adversary), row in rows.items():
        queries = {"averaged": "18"}.get(adversary, "20")
        assert row["queries_used"] == queries and float(row["agreement_clean"]) > 0.05
