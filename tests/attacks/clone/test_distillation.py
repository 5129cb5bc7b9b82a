"""The loss of labels and probabilities together, at a temperature."""
import numpy as np
import pytest

from attacks.clone.distillation import Distillation
from models.inference import cross_entropy
from models.training.objective import Batch
from models.training.objective import Objective

RNG = np.random.default_rng(0)
LOGITS = RNG.normal(size=(9, 4)).astype("float32")
TARGETS = RNG.dirichlet(np.ones(4), 9).astype("float32")
LABELS = np.eye(4)[TARGETS.argmax(1)]


def losses(objective, targets):
    batch = Batch(None, LOGITS, targets)
    return objective.losses(lambda inputs, training: inputs, batch, ()).numpy()


def softened(temperature):
    powers = TARGETS.astype("float64")**(1 / temperature)
    return powers / powers.sum(-1, keepdims=True)


@pytest.mark.parametrize("weight, temperature, expected", [
    (0, 1, cross_entropy(LOGITS, TARGETS)),
    (1, 3, cross_entropy(LOGITS, LABELS)),
    (0.25, 1, 0.75 * cross_entropy(LOGITS, TARGETS) + 0.25 * cross_entropy(LOGITS, LABELS)),
    (0, 2, 4 * cross_entropy(LOGITS / 2, softened(2))),
])
def test_the_loss(weight, temperature, expected):
    objective = Distillation(weight, temperature)
    assert losses(objective, TARGETS).mean() == pytest.approx(expected, rel=1e-5)
    assert objective.held_out_loss(LOGITS, TARGETS, ()) == pytest.approx(expected, rel=1e-5)


def test_labels_alone_have_no_temperature_that_targets_could_take():
    hard = LABELS.astype("float32")
    np.testing.assert_allclose(losses(Distillation(0.0, 1.0), hard), losses(Objective(), hard),
                               rtol=1e-5)  # yapf: disable
    assert np.isfinite(losses(Distillation(0.0, 5.0), hard)).all()
