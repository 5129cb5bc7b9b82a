"""The Jacobian, targeted Jacobian and FGSM attacks: the position of their points."""
import numpy as np
import pytest
import tensorflow as tf

from attacks.queries.fgsm import FGSM
from attacks.queries.jacobian import Jacobian
from attacks.queries.jacobian_targeted import JacobianTargeted
from tests.attacks.queries.substitutes import CLASSES
from tests.attacks.queries.substitutes import classify
from tests.attacks.queries.substitutes import model_of
from tests.attacks.queries.substitutes import nearest
from tests.attacks.queries.substitutes import noise
from tests.attacks.queries.substitutes import seeds
from tests.attacks.queries.substitutes import vectors
from tests.attacks.queries.substitutes import watch


def slow_gradients(model, inputs, classes, of):
    """Takes a backward pass for each class; each row gets the gradient of its own class."""
    of_class = []
    for c in range(CLASSES):
        x = tf.constant(inputs)
        with tf.GradientTape() as tape:
            tape.watch(x)
            logits = model(x, training=False)
            scores = logits[:, c] if of == "logit" else -tf.nn.log_softmax(logits)[:, c]
        of_class.append(tape.gradient(scores, x).numpy())
    return np.stack(of_class)[classes, np.arange(len(inputs))]


CASES = {
    "cleverhans": (Jacobian(seeds=6), "logit", -0.1, False),
    "prediction_poisoning": (Jacobian("prediction_poisoning", seeds=6), "cross_entropy", 0.1, True),
    "fgsm": (FGSM(seeds=6, epsilon=0.2), "cross_entropy", 0.2, True),
}


@pytest.mark.parametrize("low, high", [(0.0, 1.0), (-1.0, 3.0)])
@pytest.mark.parametrize("name", CASES)
def test_new_points_are_base_points_moved_by_the_sign_of_a_gradient(name, low, high):
    attack, of, step, clipped = CASES[name]
    pools = vectors(low=low, high=high)
    _, rounds = watch(attack, 20, pools=pools)
    assert len(rounds) > 1
    for number, began in enumerate(rounds):
        base, labels = began.held, began.labels
        if name == "fgsm" and number:
            base, labels = base[-6:], labels[-6:]
        moved = slow_gradients(model_of(began), base, labels, of)
        expected = base + step * (high - low) * np.sign(moved)
        expected = np.clip(expected, low, high) if clipped else expected
        places, distance = nearest(began.asked, expected)
        assert distance < 1e-5
        assert len(set(places)) == len(began.asked)  # Each base point moves once.


@pytest.mark.parametrize("preset, budget, signs", [
    ("cleverhans", 64, [-1, -1, -1, 1, 1]),
    ("prediction_poisoning", 912, [1, 1, 1, -1, -1, -1, -1, -1, 1]),
])
def test_the_sign_of_the_step_follows_the_round(preset, budget, signs):
    pools = vectors(low=-2.0, high=2.0)
    _, rounds = watch(Jacobian(preset, seeds=2, step=0.001), budget, noise(), pools=pools)
    assert len(rounds) == len(signs)
    for sign, began in zip(signs, rounds):
        (inputs, _, _, gradients), = began.calls
        expected = inputs + sign * 0.004 * np.sign(gradients)
        np.testing.assert_allclose(began.asked, expected[:len(began.asked)], atol=1e-6)


def test_growth_doubles_until_the_reservoir_makes_it_linear():
    """Base points are drawn from all queried inputs, none of which changes."""
    pools = vectors()
    thief, rounds = watch(Jacobian("prediction_poisoning"), 2100, noise(), pools=pools)
    assert thief.rows_per_round == [100, 100, 200, 400, 400, 400, 400, 100]
    np.testing.assert_array_equal(thief.inputs[:100], seeds(pools, 100))
    place = {row.tobytes(): i for i, row in enumerate(thief.inputs)}
    drawn = [[place[row.tobytes()] for row in began.calls[0][0]] for began in rounds]
    for began, places in zip(rounds, drawn):
        assert len(set(places)) == len(places) and max(places) < len(began.held)
    assert [sorted(places) for places in drawn[:3]] == [list(range(n)) for n in (100, 200, 400)]
    for began, places in zip(rounds[3:], drawn[3:]):  # Within five standard deviations.
        assert abs(np.mean(places) / len(began.held) - 0.5) < 5 / (12 * len(places))**0.5


def test_cleverhans_doubles_the_queried_inputs_in_each_of_five_rounds():
    thief, _ = watch(Jacobian(), 4800, noise())
    assert thief.rows_per_round == [150, 150, 300, 600, 1200, 2400]


def test_only_the_cleverhans_preset_leaves_the_range():
    pools = vectors(low=-1.0, high=2.0)
    for attack in (Jacobian(step=0.2), Jacobian("prediction_poisoning", step=0.2), FGSM(0.4),
                   JacobianTargeted(epsilon=0.5, step=0.2)):
        thief, _ = watch(attack, 400, noise(), pools=pools)
        inside = -1 <= thief.inputs.min() and thief.inputs.max() <= 2
        assert inside == (attack.__dict__.get("preset") != "cleverhans")
        assert thief.inputs.min() <= -1 and thief.inputs.max() >= 2


def test_a_budget_that_the_rounds_cannot_spend_is_refused():
    pools = vectors(150)
    Jacobian().check(4800, pools)
    with pytest.raises(ValueError,
                       match="at most the 4800 inputs that jacobian:preset=cleverhans "
                       "makes of 150 seeds while it trains 6 models; a larger `:rounds=` makes "
                       "more. Received: 4801"):
        Jacobian().check(4801, pools)
    Jacobian(rounds=7).check(4801, pools)
    with pytest.raises(ValueError, match="at most the 320 inputs .* of 10 seeds"):
        Jacobian().check(321, vectors(10))
    limited = Jacobian("prediction_poisoning", rounds=6)
    limited.check(1600, pools)
    with pytest.raises(ValueError, match="at most the 1600 inputs"):
        limited.check(1601, pools)
    for attack in (Jacobian("prediction_poisoning"), JacobianTargeted(), FGSM()):
        attack.check(10**9, pools)


@pytest.mark.parametrize("preset", ["t_rnd", "jb_top3", "jbda_tr"])
def test_targeted_points_take_signed_steps_inside_a_ball_and_the_range(preset):
    pools = vectors(low=-1.0, high=3.0)
    attack = JacobianTargeted(preset, seeds=5, epsilon=0.05, step=0.02)
    _, rounds = watch(attack, 20, pools=pools)
    for began in rounds:
        assert len(began.calls) == 8
        starts, targets, of, _ = began.calls[0]
        points = starts
        for inputs, classes, _, _ in began.calls:
            np.testing.assert_array_equal(classes, targets)
            np.testing.assert_allclose(inputs, points, atol=1e-5)
            slope = slow_gradients(model_of(began), inputs, targets, of)
            points = np.clip(inputs - 0.08 * np.sign(slope), starts - 0.2, starts + 0.2)
            points = np.clip(points, -1, 3)
        np.testing.assert_allclose(began.asked, points[:len(began.asked)], atol=1e-5)
        distances = np.abs(began.asked - starts[:len(began.asked)]).max(axis=1)
        np.testing.assert_allclose(distances, 0.2, atol=1e-5)  # At the edge of the ball.


def test_the_targeted_presets_have_their_published_figures():
    """Eight steps of .01 with one sign end at .08, inside the ball of radius .1."""

    def ones(inputs, classes, of):
        del classes, of
        return np.ones_like(inputs)

    for preset, most in (("t_rnd", 100), ("jb_top3", 100), ("jbda_tr", 1000)):
        thief, rounds = watch(JacobianTargeted(preset), 2200, ones, pools=vectors(1200))
        assert thief.rows_per_round[:2] == [most, most]
        places, distance = nearest(rounds[0].asked, rounds[0].held - 0.08)
        assert distance < 1e-6 and len(set(places)) == most


def test_the_targets_are_one_other_class_at_random_or_the_likeliest_three():
    _, rounds = watch(JacobianTargeted("t_rnd"), 250, noise())
    inputs, targets, _, _ = rounds[0].calls[0]
    labels = classify(inputs).argmax(axis=1)
    assert set((targets - labels) % CLASSES) == {1, 2, 3}
    _, rounds = watch(JacobianTargeted("jb_top3"), 250, noise())
    inputs, targets, _, _ = rounds[0].calls[0]
    # For the made-up substitute, 3 is the likeliest, then 1, 2 and 0; the label is left out.
    for label, others in zip(classify(inputs[::3]).argmax(axis=1), targets.reshape(-1, 3)):
        assert others.tolist() == [c for c in (3, 1, 2, 0) if c != label]
    np.testing.assert_array_equal(inputs[::3], inputs[2::3])


def test_with_only_two_classes_there_is_one_target():

    def even(inputs):
        return np.tile(np.float32([0.5, 0.5]), (len(inputs), 1))

    thief, rounds = watch(JacobianTargeted(seeds=4), 12, pools=vectors(), predict=even, classes=2)
    assert thief.rows_per_round == [4, 4, 4]
    assert set(rounds[0].calls[0][1]) == {1}
