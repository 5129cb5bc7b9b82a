"""Helpers for the tests of recovering adversaries."""

import numpy as np

from attacks.adversaries.adversary import Known
from attacks.clone.memory import Memory
from revsig_keras.defences.catalogue import make_defence
from tests.attacks.thieves import POOL

DEFENCE = "reverse_sigmoid:beta=1:gamma=.2"


def known(defence=DEFENCE, seed=0, memory=None):
    return Known(defence, POOL, seed, memory or Memory())


def held_out(rows=300, num_classes=10, seed=9):
    """Rows of the Dirichlet prior, drawn apart from every simulation."""
    rng = np.random.default_rng(seed)
    concentration = 8 * num_classes * (0.9 * np.eye(num_classes) + 0.1 / num_classes)
    y = np.stack([rng.dirichlet(concentration[i % num_classes]) for i in range(rows)])
    return y.astype(np.float32)


def answer(y, defence=DEFENCE):
    return np.array(make_defence(defence)(y))


def distance(a, b):
    """The mean L1 distance."""
    return np.abs(a - b).sum(axis=1).mean()


def assert_distributions(recovered, answers):
    """Asserts that rows sum to one and have the label of their answer."""
    assert recovered.min() >= 0
    np.testing.assert_allclose(recovered.sum(axis=1), 1, atol=1e-5)
    np.testing.assert_array_equal(recovered.argmax(axis=1), answers.argmax(axis=1))
