"""Recovery by a network; the memory of a run; all recovering adversaries in one run."""

import dataclasses

import keras
import numpy as np
import pytest

from attacks.adversaries.bayes import Bayes
from attacks.adversaries.guess import Guess
from attacks.adversaries.inverse import Inverse
from attacks.adversaries.learned_recovery import LearnedRecovery
from attacks.adversaries.recovery import recovery_network
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


@pytest.mark.slow
def test_with_the_dirichlet_prior_answers_are_recovered_at_once():
    recovered = QUICK.read(ANSWERS, known())
    recoveries.assert_distributions(recovered, ANSWERS)
    assert distance(recovered, CLEAN) < 0.2 * distance(ANSWERS, CLEAN)


@pytest.mark.slow
def test_a_wrong_guess_recovers_worse():
    wrong = dataclasses.replace(QUICK, beta=0.4, gamma=0.2).read(ANSWERS, known())
    assert distance(QUICK.read(ANSWERS, known()), CLEAN) < 0.7 * distance(wrong, CLEAN)


def test_a_network_follows_from_its_seed_and_not_from_earlier_ones():
    pairs = pairs_of_outputs(ReverseSigmoid(), CLEAN, 3000, seed=0)
    trainer = NetworkTrainer(10, len(pairs))
    first = trainer.train(pairs, epochs=2, seed=1)
    before = first(ANSWERS)
    other = trainer.train(pairs, epochs=2, seed=2)
    again = trainer.train(pairs, epochs=2, seed=1)
    np.testing.assert_array_equal(again(ANSWERS), before)
    assert not np.array_equal(other(ANSWERS), before)
    np.testing.assert_array_equal(first(ANSWERS), before)


@pytest.mark.parametrize("adversary", [
    pytest.param(QUICK, marks=pytest.mark.slow),
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
    mirrored = NetworkTrainer(10, len(pairs)).train(pairs, epochs=60, seed=0)(CLEAN[:, ::-1])
    assert np.mean(mirrored.argmax(axis=1) == CLEAN.argmax(axis=1)) > 0.9


@pytest.mark.parametrize("num_classes, hidden", [
    (2, [128, 64]),
    (10, [128, 64]),
    (42, [128, 64]),
    (43, [512, 256]),
    (99, [512, 256]),
    (100, [1024, 512]),
    (200, [2048, 1024]),
    (256, [2048, 1024]),
])
def test_the_network_is_the_published_one_layer_by_layer(num_classes, hidden):
    inputs, *layers = build_network(num_classes, seed=0).layers
    assert inputs.output.shape == (None, num_classes)
    names = [type(layer).__name__ for layer in layers]
    assert names == ["Dense", "BatchNormalization", "LeakyReLU"] * 3
    dense, norms, rectifiers = layers[::3], layers[1::3], layers[2::3]
    assert [layer.units for layer in dense] == [*hidden, num_classes]
    assert all(layer.activation is keras.activations.linear and layer.use_bias for layer in dense)
    for layer in norms:
        assert (layer.momentum, layer.epsilon, layer.scale, layer.center) == (0.9, 1e-5, True, True)
    assert {layer.negative_slope for layer in rectifiers} == {0.2}
    for layer in dense:  # PyTorch's initial weights.
        kernel = layer.kernel.numpy()
        most = len(kernel)**-0.5
        assert 0.9 * most < np.abs(kernel).max() <= most


class Descent:
    """The published optimiser in NumPy, for one array.

    PyTorch's has the rate outside the momentum: that differs in the ten steps after a change.
    """

    def __init__(self, value):
        self.value, self.speed = value.astype(np.float64), 0.0

    def step(self, gradient, epoch):
        rate = 0.01 * 0.5**(epoch // 100)
        self.speed = 0.9 * self.speed - rate * (gradient + 1e-4 * self.value)
        self.value = self.value + self.speed


def test_the_rate_is_halved_after_100_epochs_and_weights_decay_as_published(monkeypatch):
    """Two pairs, one step an epoch: 202 steps of a network whose only layer has one gradient."""

    def tiny(num_classes, seed):
        del seed
        inputs = keras.Input((num_classes,))
        layer = keras.layers.Dense(num_classes, kernel_initializer="ones", use_bias=False)
        return keras.Model(inputs, layer(inputs))

    monkeypatch.setattr(recovery_network, "build_network", tiny)
    pairs = Pairs(np.float32([[1, 0]] * 2), np.float32([[0.75, 0.25]] * 2))
    reference = Descent(np.ones((2, 2)))
    for epoch in range(202):
        logits = np.array([0.75, 0.25]) @ reference.value
        first = 1 / (1 + np.exp(logits[1] - logits[0]))
        slope = -2 * first * (1 - first)  # of the L1 distance 2 (1 - first)
        reference.step(np.outer([0.75, 0.25], [slope, -slope]), epoch)
    network = NetworkTrainer(2, 2).train(pairs, epochs=202, seed=0)
    kernel, = network._weights
    np.testing.assert_allclose(kernel, reference.value, atol=2e-5)


@pytest.mark.slow
def test_all_of_them_in_a_run_of_the_program(tmp_path):
    adversaries = ("averaged", "averaged:queries=2:shift=0", "bayes", "bayes:prior=clone",
                   "bayes:beta=.8:gamma=.3", "learned_recovery:pairs=5000:epochs=2", "inverse")
    flags = ("--victim_architecture=mlp", "--victim_steps=150", "--clone_architecture=mlp",
             "--steps=40", "--budgets=20", "--seeds=3", f"--adversaries={','.join(adversaries)}",
             f"--output_dir={tmp_path}")
    assert call(*flags) == 0
    rows = {(row["defence"], row["adversary"]): row for row in summary(tmp_path)}
    assert len(rows) == 2 * len(adversaries)  # Those who know that there is no defence: controls.
    for (_, adversary), row in rows.items():
        queries = {"averaged": "18"}.get(adversary, "20")
        assert row["queries_used"] == queries and float(row["agreement_clean"]) > 0.05
