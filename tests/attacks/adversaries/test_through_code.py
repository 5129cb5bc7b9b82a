"""The likelihood of coded answers, and the thief that trains by it."""
import json

import numpy as np
import pytest
from scipy import special
import tensorflow as tf

from attacks.adversaries import through_code
from attacks.adversaries.through_code import ThroughCode
from attacks.grid.registries import ADVERSARIES
from attacks.queries.sample import Sample
from models.training.objective import Batch
from revsig_keras.defences.catalogue import DEFENCES
from tests.attacks.adversaries.coded import CLASSES
from tests.attacks.adversaries.coded import codes
from tests.attacks.adversaries.coded import deployed
from tests.attacks.adversaries.coded import MEMBERS
from tests.attacks.adversaries.coded import rows
from tests.attacks.thieves import steal

LOGITS = 3 * np.random.default_rng(1).normal(size=(40, CLASSES)).astype(np.float32)
SCALE = through_code._SCALE_NATS


def plain_loss(layer, member, answers, logits):
    """The formula in a loop, in float64."""
    edges = np.concatenate([[1], layer.code.edges, [0]])
    with np.errstate(divide="ignore"):
        thresholds = np.log1p(-edges) - np.log(edges)
    losses = []
    for answer, z, label, bucket in zip(answers, logits.astype(np.float64), *codes(member,
                                                                                   answers)):
        order = np.argsort(-answer, kind="stable")[:layer.ordered_classes]
        assert order[0] == label
        loss, left = 0.0, list(range(CLASSES))
        for place in order:
            loss -= z[place] - special.logsumexp(z[left])
            left.remove(place)
        u = z[label] - special.logsumexp(np.delete(z, label))
        begin, end = (thresholds[bucket:bucket + 2] - u) / SCALE
        if begin > 0:  # Without a difference that cancels.
            begin, end = -end, -begin
        losses.append(loss - np.log(special.expit(end) - special.expit(begin)))
    return np.array(losses)


@pytest.mark.parametrize("member", MEMBERS)
def test_the_loss_is_the_likelihood_of_label_and_bucket(member):
    layer, state = deployed(member)
    answers = np.array(layer(rows(40, 2)))
    objective, expected = ThroughCode(member, state), plain_loss(layer, member, answers, LOGITS)
    assert objective.held_out_loss(LOGITS, answers, []) == pytest.approx(expected.mean(), rel=1e-4)
    model = lambda inputs, training: LOGITS  # noqa: E731
    losses = objective.losses(model, Batch(None, None, tf.constant(answers)), [])
    np.testing.assert_allclose(losses, expected, rtol=1e-4)


@pytest.mark.parametrize("member", MEMBERS)
@pytest.mark.parametrize("scale", [1.0, 1e3])
def test_gradients_are_finite_however_sure_the_clone_is(member, scale):
    layer, state = deployed(member)
    answers, logits = tf.constant(np.array(layer(rows(40, 2)))), tf.constant(scale * LOGITS)
    with tf.GradientTape() as tape:
        tape.watch(logits)
        loss = ThroughCode(member, state)._losses(logits, answers)
    assert np.isfinite(loss).all() and np.isfinite(tape.gradient(loss, logits)).all()


@pytest.mark.parametrize("member", ["confidence_buckets:ordered_classes=3", "decoy"])
def test_a_clone_that_follows_it_ends_with_the_codes_of_the_answers(member):
    layer, state = deployed(member)
    answers = np.array(layer(rows(40, 2)))
    logits, optimizer = tf.Variable(LOGITS), tf.keras.optimizers.Adam(0.5)
    objective = ThroughCode(member, state)

    @tf.function
    def gradient():
        with tf.GradientTape() as tape:
            loss = objective._losses(logits, tf.constant(answers))
        return tape.gradient(loss, [logits])

    for _ in range(80):
        optimizer.apply(gradient(), [logits])
    same = np.array(layer(tf.nn.softmax(logits)))
    assert np.isclose(same, answers, atol=1e-6).all(axis=1).mean() > 0.9


def test_neighbouring_shares_are_told_apart_in_the_last_bit():
    layer = DEFENCES.make("confidence_buckets:bits=1")
    layer.state = {**layer.state, "edges": [2.0**-20], "confidences": [1 - 2.0**-23, 1.0]}
    shares = layer.table(CLASSES)["label_shares"]
    assert shares[1] - shares[0] == 2.0**-24
    sure = np.float32([[2.0**-20] * 5 + [1 - 5 * 2.0**-20], [2.0**-30] * 5 + [1]])
    answers = np.array(layer(sure))
    assert answers[:, -1].tolist() == shares
    objective = ThroughCode("confidence_buckets:bits=1", json.dumps(layer.state))
    logits = tf.constant(np.log(sure[:1]).repeat(2, axis=0))
    losses = objective._losses(logits, tf.constant(answers)).numpy()
    assert losses[0] < losses[1]


@pytest.mark.parametrize("member", ["confidence_buckets:ordered_classes=3", "decoy"])
def test_aware_trains_by_the_likelihood_of_coded_answers(monkeypatch, member):
    layer, _ = deployed(member, False)
    assert ADVERSARIES.make("aware").unfit(member) is None
    reason = ADVERSARIES.make("aware:learn=true").unfit(member)
    assert reason.endswith("it declares no continuous parameter that could be learned")
    seen, losses = [], ThroughCode._losses
    monkeypatch.setattr(ThroughCode, "_losses",
                        lambda self, *args: seen.append(self) or losses(self, *args))

    def predict(inputs):
        return np.array(layer(rows(len(inputs), 3)))

    thief, _ = steal(Sample(), 12, adversary=ADVERSARIES.make("aware"), predict=predict,
                     defence=member, num_classes=CLASSES)  # yapf: disable
    assert thief.clone().steps == 30 and set(seen) == {ThroughCode(member)}
