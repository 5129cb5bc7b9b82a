"""The thief that trains through the defence."""
import numpy as np
import pytest
import tensorflow as tf

from attacks.adversaries.aware import Aware
from attacks.adversaries.aware import ThroughDefence
from attacks.grid.registries import ADVERSARIES
from attacks.queries.sample import Sample
from models.inference import log_softmax
from models.training.objective import Batch
from models.training.trainer import Trainer
from revsig_keras import reverse_sigmoid
from tests.attacks.thieves import steal

RNG = np.random.default_rng(0)
LOGITS = RNG.normal(size=(30, 4)).astype(np.float32) * 3


def softmax(logits):
    return np.exp(log_softmax(logits)).astype(np.float32)


def test_the_loss_compares_answers_with_defended_outputs_and_labels_with_logits():
    answers = softmax(RNG.normal(size=(30, 4)))
    seen = np.float64(reverse_sigmoid(np.float64(softmax(LOGITS)), 0.7, 0.3))
    expected = (-np.sum(answers * np.log(seen), axis=1) -
                log_softmax(LOGITS)[np.arange(30), answers.argmax(axis=1)])
    objective = ThroughDefence(0.7, 0.3, True, learn=False)
    assert objective.held_out_loss(LOGITS, answers, []) == pytest.approx(expected.mean(), rel=1e-5)
    model = lambda inputs, training: LOGITS  # noqa: E731
    losses = objective.losses(model, Batch(None, None, tf.constant(answers)), [])
    np.testing.assert_allclose(losses, expected, rtol=1e-4)


def test_the_divergence_is_smallest_for_the_victims_own_logits():
    """Its gradient vanishes where the answers are the defended softmax of the logits."""
    answers = tf.constant(np.array(reverse_sigmoid(softmax(LOGITS), 1.0, 0.2)))
    objective = ThroughDefence(1.0, 0.2, True, learn=False)
    logits = tf.constant(LOGITS)
    with tf.GradientTape() as tape:
        tape.watch(logits)
        labels = tf.nn.sparse_softmax_cross_entropy_with_logits(tf.argmax(answers, 1), logits)
        divergence = objective._losses(logits, answers, []) - labels
    assert abs(tape.gradient(divergence, logits).numpy()).max() < 1e-5


def test_saturated_logits_have_finite_gradients():
    logits = tf.constant([[100.0, -100.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0]])
    answers = tf.constant([[1.0, 0.0, 0.0, 0.0], [0.25, 0.25, 0.25, 0.25]])
    objective = ThroughDefence(1.0, 0.2, True, learn=True)
    variables = objective.make_variables()
    with tf.GradientTape() as tape:
        tape.watch(logits)
        loss = tf.reduce_sum(objective._losses(logits, answers, variables))
    for gradient in tape.gradient(loss, [logits, *variables]):
        assert np.isfinite(gradient).all()


def victim(inputs):
    """A victim as confident as a trained one: 0.9 on average."""
    flat = inputs.reshape(len(inputs), -1)
    weights = np.random.default_rng(5).normal(size=(flat.shape[1], 4)).astype(np.float32)
    return softmax(3 * (flat - 0.5) @ weights)


def defended(beta, gamma):
    return lambda inputs: np.array(reverse_sigmoid(victim(inputs), beta, gamma))


def stolen(member, beta=1.0, gamma=0.2, **recipe):
    thief, oracle = steal(Sample(),
                          60,
                          adversary=ADVERSARIES.make(member),
                          predict=defended(beta, gamma),
                          defence=f"reverse_sigmoid:beta={beta}:gamma={gamma}",
                          num_classes=4,
                          **recipe)
    assert oracle.queries_used == 60
    clone = thief.clone()
    return clone, clone.probabilities(thief.inputs), victim(thief.inputs)


def test_a_thief_that_knows_the_defence_comes_closer_to_the_victim_than_the_naive_one():
    errors = {}
    for member in ("probabilities", "aware", "aware:beta=.2:gamma=.9"):
        _, clone, clean = stolen(member, steps=600)
        errors[member] = abs(clone - clean).sum(axis=1).mean()
    assert errors["aware"] < 0.5 * errors["probabilities"]
    assert errors["aware"] < errors["aware:beta=.2:gamma=.9"]


def test_beta_and_gamma_are_learned_without_knowledge_of_either():
    clone, _, _ = stolen("aware:learn=true", steps=600)
    assert abs(clone.learned["beta"] - 1) < 0.25 and abs(clone.learned["gamma"] - 0.2) < 0.15
    clone, _, _ = stolen("aware:learn=true:beta=1.2:gamma=.9", steps=1)
    assert clone.learned == {"beta": pytest.approx(1.2, abs=0.02),
                             "gamma": pytest.approx(0.9, abs=0.02)}  # yapf: disable
    assert stolen("aware", steps=1)[0].learned == {}


def test_the_clone_starts_from_the_labels_only_clone(monkeypatch):
    started, train = [], Trainer.train

    def spy(self, plan, **options):
        started.append(plan.start)
        return train(self, plan, **options)

    monkeypatch.setattr(Trainer, "train", spy)
    clone, _, _ = stolen("aware")
    cold, warm = started
    labels, _, _ = stolen("labels")
    assert cold is None and clone.steps == 2 * labels.steps
    for ours, theirs in zip(warm, labels.weights, strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("member, defence, message", [
    ("aware", "none", "aware against none: there is no defence to undo"),
    ("aware:learn=true", "none", "no defence"),
    ("aware", "as_served", "beta and gamma must be given"),
    ("aware", "rounding", "rounding is none"),
])
def test_the_reason_is_given_why_it_means_nothing_against_a_defence(member, defence, message):
    assert message in ADVERSARIES.make(member).unfit(defence)


@pytest.mark.parametrize("member, defence", [
    ("aware", "reverse_sigmoid:beta=.5"),
    ("aware:learn=true", "as_served"),
    ("aware:beta=.5:gamma=.1", "as_served"),
    ("aware:beta=.5:gamma=.1", "rounding"),
])
def test_it_means_something_against_other_defences(member, defence):
    assert ADVERSARIES.make(member).unfit(defence) is None


@pytest.mark.parametrize("options, message", [
    ({"beta": 0.5}, "both.*Received: beta=0.5, gamma=0"),
    ({"beta": 2.0, "gamma": 0.5}, "beta < 2"),
    ({"beta": 1.0, "gamma": 1.0, "learn": True}, "below 1 where it is learned"),
])  # yapf: disable
def test_guesses_out_of_range_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        Aware(**options)
