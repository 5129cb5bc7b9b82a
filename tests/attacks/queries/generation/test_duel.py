"""The duel: each side gets better at what it is trained for; the other stays as it is."""
import keras
import numpy as np
import pytest

from attacks.queries.generation.clone_gradient import CloneGradient
from attacks.queries.generation.discrepancy import DISCREPANCIES
from attacks.queries.generation.duel import Duel
from attacks.queries.generation.generator import Generator
from attacks.queries.generation.replay import Replay
from attacks.queries.generation.rivals import Rivals
from attacks.queries.generation.zeroth_order import ZerothOrder
from models import architectures
from models.inference import probabilities
from tests.tables import some_quick

SHAPE, CLASSES = (4, 4, 1), 3
RNG = np.random.default_rng(0)
NOISE = RNG.standard_normal((64, 5), np.float32)
VICTIM = architectures.build("mlp", SHAPE, CLASSES, seed=1)


def make_duel(ascent, loss="l1"):
    rivals = Rivals(architectures.build("mlp", SHAPE, CLASSES, seed=2),
                    Generator(SHAPE, (0.0, 1.0), 5, 4, seed=3), DISCREPANCIES[loss])
    duel = Duel(rivals, ascent, keras.optimizers.Adam(1e-3), keras.optimizers.Adam(1e-2))
    return duel, rivals


def discrepancy(rivals, inputs):
    return np.mean(rivals.discrepancy(rivals.logits(inputs), probabilities(VICTIM, inputs)))


@pytest.mark.parametrize("ascent", [
    pytest.param(ZerothOrder(8, 1e-3), marks=pytest.mark.slow),
    CloneGradient(0.0),
])
def test_the_generator_learns_to_part_the_student_from_the_victim(ascent):
    duel, rivals = make_duel(ascent)
    before, weights = discrepancy(rivals, duel.make(NOISE)), duel.student.get_weights()
    for _ in range(30):
        drawn = RNG.standard_normal((ascent.directions, 64, *SHAPE), np.float32)
        drawn /= np.sqrt(np.sum(drawn**2, axis=(2, 3, 4), keepdims=True))
        points = duel.points(NOISE, drawn)
        np.testing.assert_array_equal(points[:64], duel.make(NOISE))
        duel.train_generator(NOISE, drawn, probabilities(VICTIM, points))
    assert discrepancy(rivals, duel.make(NOISE)) > 1.1 * before
    for old, new in zip(weights, duel.student.get_weights()):
        np.testing.assert_array_equal(old, new)


@pytest.mark.parametrize("loss", some_quick(DISCREPANCIES.keys(), ["l1"]))
def test_the_student_learns_to_answer_as_the_victim(loss):
    duel, rivals = make_duel(CloneGradient(0.0), loss)
    inputs = duel.make(NOISE)
    before, targets = discrepancy(rivals, inputs), probabilities(VICTIM, inputs)
    for _ in range(10):
        duel.train_student(inputs.reshape(4, 16, *SHAPE), targets.reshape(4, 16, CLASSES))
    assert discrepancy(rivals, inputs) < 0.5 * before
    assert duel.steps == 40 and duel.seconds > 0
    np.testing.assert_array_equal(inputs, duel.make(NOISE))


def test_replay_draws_rows_of_all_batches_with_their_targets():
    replay, rng = Replay(), np.random.default_rng(0)
    for start in (0, 6):
        rows = np.arange(start, start + 6, dtype=np.float32).reshape(2, 3, 1)
        replay.add(rows, 10 * rows)
    inputs, targets = replay.draw(40, rng)
    assert inputs.shape == targets.shape == (40, 3, 1)
    np.testing.assert_array_equal(10 * inputs, targets)
    counts = np.bincount(inputs.ravel().astype(int), minlength=12)
    assert len(counts) == 12 and counts.min() > 0
