"""The labels-only thief that also learns from inputs that it did not query."""
import numpy as np
import pytest
import tensorflow as tf

from attacks.adversaries.semi_supervised import Consistency
from attacks.grid.registries import ADVERSARIES
from attacks.queries.sample import Sample
from models.inference import log_softmax
from models.training.objective import Batch
from models.training.trainer import Trainer
from tests.attacks.thieves import POOL
from tests.attacks.thieves import steal


def losses_of(plain, moved, targets, threshold=0.9):
    """The losses of a model whose logits are its inputs."""
    model = lambda inputs, training: inputs  # noqa: E731
    batch = Batch(*map(tf.constant, (plain, moved, targets)))
    return Consistency(threshold).losses(model, batch, []).numpy()


SURE, UNSURE = np.float32([[5, 0, 0]]), np.float32([[1, 0.9, 0]])
MOVED = np.float32([[0, 1, 2]])
NO_TARGET = np.zeros((1, 3), np.float32)


def test_an_unlabelled_input_is_trained_on_the_clones_own_label_if_that_is_certain():
    assert losses_of(SURE, MOVED, NO_TARGET) == pytest.approx(-log_softmax(MOVED)[0, 0])
    assert losses_of(UNSURE, MOVED, NO_TARGET) == 0
    assert losses_of(UNSURE, MOVED, NO_TARGET, 0.4) == pytest.approx(-log_softmax(MOVED)[0, 0])


def test_the_loss_of_a_labelled_input_is_the_cross_entropy_with_its_label():
    for plain in (SURE, UNSURE):
        assert losses_of(plain, MOVED,
                         np.float32([[0, 0, 1]])) == pytest.approx(-log_softmax(MOVED)[0, 2])


def test_an_input_that_does_not_count_has_no_gradient():
    """The gradient of TensorFlow's cross-entropy is wrong for targets that do not sum to one."""
    moved = tf.constant(MOVED)
    with tf.GradientTape() as tape:
        tape.watch(moved)
        model = lambda inputs, training: inputs  # noqa: E731
        batch = Batch(tf.constant(UNSURE), moved, tf.constant(NO_TARGET))
        loss = Consistency(0.9).losses(model, batch, [])
    assert not tape.gradient(loss, moved).numpy().any()


def test_no_gradient_flows_through_the_guess():
    plain = tf.constant(SURE)
    with tf.GradientTape() as tape:
        tape.watch(plain)
        model = lambda inputs, training: inputs  # noqa: E731
        batch = Batch(plain, plain + 0.0, tf.constant(NO_TARGET))
        loss = Consistency(0.9).losses(model, batch, [])
    expected = np.exp(log_softmax(SURE)) - np.float32([[1, 0, 0]])
    np.testing.assert_allclose(tape.gradient(loss, plain), expected, atol=1e-5)


def test_the_whole_pool_is_trained_on_and_only_the_queried_rows_are_paid_for(monkeypatch):
    seen, train = [], Trainer.train
    monkeypatch.setattr(
        Trainer, "train",
        lambda self, plan, **options: seen.append(plan) or train(self, plan, **options))
    thief, oracle = steal(Sample(), 10, adversary=ADVERSARIES.make("semi_supervised:shift=.25"))
    thief.clone()
    assert oracle.queries_used == 10
    np.testing.assert_array_equal(seen[-1].unlabelled, POOL)
    assert (seen[-1].unlabelled_shift, seen[-1].max_shift) == (2, 0)
    assert np.isin(thief.targets, (0, 1)).all()


@pytest.mark.parametrize("adversary", ADVERSARIES.names)
@pytest.mark.parametrize("max_shift", [0, 1])
def test_no_thief_augments_the_queried_images_unless_all_do(monkeypatch, adversary, max_shift):
    """A free shift of its own is worth more than most defences."""
    seen = []

    def note(self, plan, **options):
        seen.append(plan)
        raise StopIteration

    monkeypatch.setattr(Trainer, "train", note)
    thief, _ = steal(Sample(),
                     10,
                     adversary=ADVERSARIES.make(adversary),
                     max_shift=max_shift,
                     defence="reverse_sigmoid")
    with pytest.raises(StopIteration):
        thief.clone()
    assert seen[0].max_shift == max_shift


def test_where_nothing_is_defended_a_thief_can_have_the_pool_as_well(monkeypatch):
    """The labelled loss is that of the naive thief, the unlabelled one that of this thief."""
    adversary = ADVERSARIES.make("semi_supervised:targets=probabilities")
    assert adversary.needs == "probabilities"
    assert ADVERSARIES.make("semi_supervised").needs == "labels"
    seen, train = [], Trainer.train
    monkeypatch.setattr(
        Trainer, "train",
        lambda self, plan, **options: seen.append(plan) or train(self, plan, **options))
    thief, _ = steal(Sample(), 10, adversary=adversary)
    thief.clone()
    np.testing.assert_array_equal(seen[-1].targets, thief.transfer_set().answers)
    np.testing.assert_array_equal(seen[-1].unlabelled, POOL)


def test_without_a_pool_the_thief_uses_its_queries(monkeypatch):
    seen, train = [], Trainer.train
    monkeypatch.setattr(
        Trainer, "train",
        lambda self, plan, **options: seen.append(plan) or train(self, plan, **options))
    thief, _ = steal(Sample(), 10, adversary=ADVERSARIES.make("semi_supervised"), pool=POOL[:0])
    thief.clone()
    np.testing.assert_array_equal(seen[-1].unlabelled, thief.inputs)


def test_the_pool_changes_the_clone():
    clones = [
        steal(Sample(), 10, adversary=ADVERSARIES.make(member))[0].clone()
        for member in ("labels", "semi_supervised", "semi_supervised:threshold=0")
    ]
    assert len({clone.digest for clone in clones}) == 3
    assert not np.array_equal(clones[1].weights[0], clones[2].weights[0])


@pytest.mark.parametrize("options, message", [
    ("threshold=1.1", r"`threshold` must be in \[0, 1\]. Received: 1.1"),
    ("targets=answers", "`targets` must be one of labels, probabilities, recovered. Rec.*answers"),
    ("shift=0", r"`shift` must be in \(0, 0.5\]. Received: 0"),
])
def test_options_out_of_range_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        ADVERSARIES.make(f"semi_supervised:{options}")


def test_inputs_that_are_not_images_are_refused():
    with pytest.raises(ValueError, match=r"semi_supervised` shifts images.*shape \(20,\)"):
        ADVERSARIES.make("semi_supervised").check((20,))
