"""The thief that trains through the defence."""
import keras
import numpy as np
import pytest
import tensorflow as tf

from attacks.adversaries.aware import Aware
from attacks.adversaries.guess import Guess
from attacks.adversaries.through_defence import ThroughDefence
from attacks.grid.registries import ADVERSARIES
from attacks.queries.sample import Sample
from models.inference import log_softmax
from models.training.objective import Batch
from models.training.trainer import Trainer
from revsig_keras import reverse_sigmoid
from revsig_keras.defences.catalogue import DEFENCES
from tests.attacks.adversaries.flattened import Flattened
from tests.attacks.thieves import steal

KNOWN = "reverse_sigmoid:beta=1:gamma=.2"
RNG = np.random.default_rng(0)
LOGITS = RNG.normal(size=(30, 4)).astype(np.float32) * 3


def softmax(logits):
    return np.exp(log_softmax(logits)).astype(np.float32)


def test_the_loss_compares_answers_with_defended_outputs_and_labels_with_logits():
    answers = softmax(RNG.normal(size=(30, 4)))
    seen = np.float64(reverse_sigmoid(np.float64(softmax(LOGITS)), 0.7, 0.3))
    expected = (-np.sum(answers * np.log(seen), axis=1) -
                log_softmax(LOGITS)[np.arange(30), answers.argmax(axis=1)])
    objective = ThroughDefence("reverse_sigmoid:beta=.7:gamma=.3")
    assert objective.held_out_loss(LOGITS, answers, []) == pytest.approx(expected.mean(), rel=1e-5)
    model = lambda inputs, training: LOGITS  # noqa: E731
    losses = objective.losses(model, Batch(None, None, tf.constant(answers)), [])
    np.testing.assert_allclose(losses, expected, rtol=1e-4)


def test_the_divergence_is_smallest_for_the_victims_own_logits():
    """Its gradient vanishes where the answers are the defended softmax of the logits."""
    answers = tf.constant(np.array(reverse_sigmoid(softmax(LOGITS), 1.0, 0.2)))
    objective = ThroughDefence(KNOWN)
    logits = tf.constant(LOGITS)
    with tf.GradientTape() as tape:
        tape.watch(logits)
        labels = tf.nn.sparse_softmax_cross_entropy_with_logits(tf.argmax(answers, 1), logits)
        divergence = objective._losses(logits, answers, []) - labels
    assert abs(tape.gradient(divergence, logits).numpy()).max() < 1e-5


def test_saturated_logits_have_finite_gradients():
    logits = tf.constant([[100.0, -100.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0]])
    answers = tf.constant([[1.0, 0.0, 0.0, 0.0], [0.25, 0.25, 0.25, 0.25]])
    objective = ThroughDefence(KNOWN, (("beta", 1.0), ("gamma", 0.2)))
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


def stolen(member, defence=KNOWN, **recipe):
    """A thief's clone, its answers and the clean victim's."""
    thief, oracle = steal(Sample(),
                          60,
                          adversary=ADVERSARIES.make(member),
                          predict=lambda inputs: np.array(Guess().layer(defence)(victim(inputs))),
                          defence=defence,
                          num_classes=4,
                          **recipe)
    assert oracle.queries_used == 60
    clone = thief.clone()
    return clone, clone.probabilities(thief.inputs), victim(thief.inputs)


@pytest.mark.slow
def test_a_thief_that_knows_the_defence_comes_closer_to_the_victim_than_the_naive_one():
    errors = {}
    for member in ("probabilities", "aware", "aware:beta=.2:gamma=.9"):
        _, clone, clean = stolen(member, steps=1200)
        errors[member] = abs(clone - clean).sum(axis=1).mean()
    assert errors["aware"] < 0.5 * errors["probabilities"]
    assert errors["aware"] < errors["aware:beta=.2:gamma=.9"]


@pytest.mark.slow
def test_beta_and_gamma_are_learned_without_knowledge_of_either():
    clone, _, _ = stolen("aware:learn=true", steps=1200)
    assert abs(clone.learned["beta"] - 1) < 0.25 and abs(clone.learned["gamma"] - 0.2) < 0.15


@pytest.mark.slow
def test_learning_starts_from_the_guess():
    clone, _, _ = stolen("aware:learn=true:beta=1.2:gamma=.9", steps=1)
    assert clone.learned == {"beta": pytest.approx(1.2, abs=0.02),
                             "gamma": pytest.approx(0.9, abs=0.02)}  # yapf: disable
    assert stolen("aware", steps=1)[0].learned == {}


def plans(monkeypatch, member, **recipe):
    """The plans of the trainings that make a clone, and the clone."""
    made, train = [], Trainer.train

    def spy(self, plan, **options):
        made.append(plan)
        return train(self, plan, **options)

    with monkeypatch.context() as patched:
        patched.setattr(Trainer, "train", spy)
        return made, stolen(member, **recipe)[0]


@pytest.mark.parametrize("member, first", [("aware", 15), ("aware:labels_first=.2", 6)])
def test_it_trains_as_long_as_other_thieves_and_first_on_labels(monkeypatch, member, first):
    (cold, warm), clone = plans(monkeypatch, member)
    assert cold.start is None and np.isin(cold.targets, (0, 1)).all()
    assert (cold.steps, warm.steps, clone.steps) == (first, 30 - first, stolen("labels")[0].steps)
    assert not np.isin(warm.targets, (0, 1)).all()
    for ours, theirs in zip(warm.start, stolen("labels", steps=first)[0].weights, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_at_least_one_step_goes_through_the_defence(monkeypatch):
    (cold, warm), clone = plans(monkeypatch, "aware:labels_first=.99")
    assert (cold.steps, warm.steps, clone.steps) == (29, 1, 30)
    (only,), _ = plans(monkeypatch, "aware:labels_first=.99", steps=1)
    assert not np.isin(only.targets, (0, 1)).all()


def test_it_can_train_through_the_defence_from_the_start(monkeypatch):
    (only,), clone = plans(monkeypatch, "aware:labels_first=0")
    assert only.start is None and only.steps == clone.steps == 30
    assert not np.isin(only.targets, (0, 1)).all()


def test_progress_counts_every_step_once():
    thief, _ = steal(Sample(), 20, adversary=ADVERSARIES.make("aware:guess=none"))
    for _ in range(2):  # The second clone is known.
        steps = []
        thief.clone(progress=steps.append)
        assert sum(steps) == 30


@pytest.mark.slow
def test_without_a_defence_it_is_a_control():
    clone, _, _ = stolen("aware", "none")
    assert clone.digest == stolen("aware:learn=true", "none")[0].digest
    assert clone.digest != stolen("aware")[0].digest and clone.learned == {}


@keras.saving.register_keras_serializable(package="aware")
class Fixed(Flattened):
    """Reads its parameter too early to learn it."""

    def __init__(self, amount: float = 0.1, *, apply_in_training=False, **kwargs):
        super().__init__(amount, apply_in_training=apply_in_training, **kwargs)
        self.table = [1 - amount, amount]

    def perturb(self, probabilities):
        return self.table[0] * probabilities + self.table[1] / probabilities.shape[-1]


@keras.saving.register_keras_serializable(package="aware")
class Endless(Flattened):
    """Declares a range without an end."""
    ranges = {"amount": (0.0, float("inf"))}


@pytest.fixture
def flattened(monkeypatch):
    """Users' own defences in the catalogue."""
    monkeypatch.setitem(DEFENCES._factories, "endless", Endless)
    monkeypatch.setitem(DEFENCES._factories, "flattened", Flattened)
    monkeypatch.setitem(DEFENCES._factories, "fixed", Fixed)


def test_a_defence_from_outside_is_trained_through_and_learned(flattened):
    deployed = "flattened:amount=.7"
    errors = {}
    for member in ("probabilities", "aware", "aware:guess=flattened", "aware:learn=true"):
        clone, answers, clean = stolen(member, deployed, steps=600)
        errors[member] = abs(answers - clean).sum(axis=1).mean()
    assert errors["aware"] < 0.5 * errors["probabilities"]
    assert errors["aware"] < errors["aware:guess=flattened"]
    assert list(clone.learned) == ["amount"] and abs(clone.learned["amount"] - 0.7) < 0.1


@pytest.mark.parametrize("member, defence, reason", [
    ("aware", "as_served", "an endpoint does not tell its defence"),
    ("aware", "rounding",
     "cannot train through rounding: its answers have no gradient in its input"),
    ("aware", "label_only", "no gradient"),
    ("aware:guess=rounding", "reverse_sigmoid", "cannot train through rounding"),
    ("aware:learn=true", "top_k:k=3", "no continuous parameter"),
    ("aware:learn=true", "fixed", "no gradient in `amount`"),
    ("aware:learn=true", "endless", "`amount` has no finite range"),
    ("aware", "endless", None),
    ("aware", "fixed", None),
    ("aware", "none", None),
    ("aware:learn=true", "none", None),
    ("aware", "reverse_sigmoid:beta=.5", None),
    ("aware", "top_k:k=3", None),
    ("aware", "top_k:k=11", None),
    ("aware:learn=true", "random_noise", None),
    ("aware:learn=true", "as_served", None),
    ("aware:beta=.5:gamma=.1", "as_served", None),
    ("aware:beta=.5:gamma=.1", "rounding", None),
    ("aware:guess=random_noise", "rounding", None),
])
def test_the_reason_is_given_why_it_means_nothing_against_a_defence(flattened, member, defence,
                                                                    reason):
    found = ADVERSARIES.make(member).unfit(defence)
    if reason is None:
        assert found is None
    else:
        assert found.startswith(f"aware against {defence}: ") and reason in found


@pytest.mark.parametrize("options, message", [
    ({"beta": 0.5}, "both.*Received: beta=0.5, gamma=0"),
    ({"beta": 2.0, "gamma": 0.5}, "beta < 2"),
    ({"beta": 1.0, "gamma": 1.0, "learn": True}, "`gamma` must be .*below 1 where it is learned"),
    ({"guess": "reverse_sigmoid:gamma=1", "learn": True}, "below 1 where it is learned"),
    ({"guess": "reverse_sigmoid:gamma=.999999999", "learn": True}, "below 1 .*=0.999999999"),
    ({"guess": "reverse_sigmoid:beta=1.99999999", "learn": True}, "below 2 where it is learned"),
    ({"labels_first": 1.0}, r"`labels_first` must be in \[0, 1\). Received: 1.0"),
])  # yapf: disable
def test_guesses_out_of_range_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        Aware(**options)
