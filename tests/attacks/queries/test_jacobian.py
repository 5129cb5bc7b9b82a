"""The Jacobian, targeted Jacobian and FGSM attacks: the position of their points."""
import numpy as np
import pytest
import tensorflow as tf

from attacks.grid.registries import ATTACKS
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
    "cleverhans": (Jacobian(seeds=6), "logit", 0.1, False),
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
    ("cleverhans", 64, [1, 1, 1, -1, -1]),
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


LEAVES_THE_RANGE = {
    "cleverhans": (Jacobian(step=0.2), True),
    "prediction_poisoning": (Jacobian("prediction_poisoning", step=0.2), False),
    "fgsm": (FGSM(0.4), False),
    "jb_top3": (JacobianTargeted("jb_top3", epsilon=0.5, step=0.2), True),
    "jbda_tr": (JacobianTargeted("jbda_tr", epsilon=0.5), False),
    "t_rnd": (JacobianTargeted("t_rnd", epsilon=0.5, step=0.2), False),
}


@pytest.mark.parametrize("name", LEAVES_THE_RANGE)
def test_inputs_leave_the_range_where_the_published_ones_do(name):
    attack, leaves = LEAVES_THE_RANGE[name]
    thief, _ = watch(attack, 400, noise(), pools=vectors(low=-1.0, high=2.0))
    assert (thief.inputs.min() < -1 or thief.inputs.max() > 2) == leaves
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


# By preset: the score, the sign of a step, its size as a fraction of a range of 4 (for a radius of
# .05 and 8 steps), and whether inputs stay in the range.
TARGETED = {
    "t_rnd": ("cross_entropy", -1, 0.02, True),
    "jb_top3": ("logit", 1, 0.02, False),
    "jbda_tr": ("cross_entropy", -1, 1.85 * 0.05 / 8, True),
}


@pytest.mark.parametrize("preset", TARGETED)
def test_targeted_points_take_signed_steps_inside_a_ball_and_the_range(preset):
    score, sign, step, clipped = TARGETED[preset]
    pools = vectors(low=-1.0, high=3.0)
    attack = JacobianTargeted(preset, seeds=5, epsilon=0.05, step=0.02)
    _, rounds = watch(attack, 20, pools=pools)
    for began in rounds:
        assert len(began.calls) == 8
        starts = points = began.calls[0][0]
        for inputs, targets, of, _ in began.calls:
            assert of == score
            np.testing.assert_allclose(inputs, points, atol=1e-5)
            slope = sign * slow_gradients(model_of(began), inputs, targets, of)
            points = np.clip(inputs + 4 * step * np.sign(slope), starts - 0.2, starts + 0.2)
            points = np.clip(points, -1, 3) if clipped else points
        np.testing.assert_allclose(began.asked, points[:len(began.asked)], atol=1e-5)
        distances = np.abs(began.asked - starts[:len(began.asked)]).max(axis=1)
        assert distances.max() == pytest.approx(0.2, abs=1e-5)  # At the edge of the ball.


@pytest.mark.parametrize("preset, seeds, reach, epochs, made", [
    ("t_rnd", 100, 0.08, 20, 1),
    ("jb_top3", 100, 0.08, 20, 3),
    ("jbda_tr", 1000, 0.1, 30, 3),
])
def test_the_targeted_presets_have_their_published_figures(preset, seeds, reach, epochs, made):
    """Steps with one sign end at 8 x .01, or at the edge of the ball."""

    def ones(inputs, classes, of):
        del classes
        return np.full_like(inputs, 1 if of == "logit" else -1)

    attack = JacobianTargeted(preset)
    thief, rounds = watch(attack, 2200, ones, pools=vectors(1200))
    # Three inputs made of one base point are equal here, so that two of them are dropped.
    assert thief.rows_per_round[:2] == [seeds, seeds]
    places, distance = nearest(rounds[0].asked, rounds[0].held + reach)
    assert distance < 1e-6 and len(set(places)) == seeds
    assert rounds[0].epochs == epochs and rounds[0].fresh
    assert len(rounds[0].calls) == 8 and len(rounds[0].calls[0][0]) == made * seeds


def test_of_each_base_point_of_jbda_tr_three_inputs_are_queried_that_differ():
    thief, rounds = watch(JacobianTargeted("jbda_tr", seeds=50), 200)
    assert thief.rows_per_round == [50, 150]
    runs = rounds[0].asked.reshape(50, 3, 64)
    starts = rounds[0].calls[0][0].reshape(50, 3, 64)
    assert len(np.unique(starts[:, 0], axis=0)) == 50
    np.testing.assert_array_equal(starts, np.repeat(starts[:, :1], 3, axis=1))
    assert len(np.unique(thief.inputs, axis=0)) == 200
    assert np.abs(runs - starts).max() == pytest.approx(0.1, abs=1e-6)


def test_jbda_tr_draws_new_targets_from_all_classes_in_each_step():
    _, rounds = watch(JacobianTargeted("jbda_tr", seeds=100), 400, noise())
    drawn = np.stack([targets for _, targets, _, _ in rounds[0].calls])
    assert drawn.shape == (8, 300)
    for one, next_one in zip(drawn, drawn[1:]):
        assert set(one) == set(range(CLASSES))
        # A fourth of the new targets are the old ones, up to five standard deviations.
        assert abs(np.mean(one == next_one) - 1 / 4) < 5 * (3 / 16 / 300)**0.5
    labels = classify(rounds[0].calls[0][0]).argmax(axis=1)
    assert abs(np.mean(drawn[0] == labels) - 1 / 4) < 5 * (3 / 16 / 300)**0.5


def test_the_targets_are_one_other_class_at_random_or_the_likeliest_three():
    _, rounds = watch(JacobianTargeted("t_rnd"), 250, noise())
    inputs, targets, _, _ = rounds[0].calls[0]
    assert all(np.array_equal(call[1], targets) for call in rounds[0].calls)
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


@pytest.mark.parametrize("member, seeds, epochs, rounds", [
    ("jacobian", 150, 10, 5),
    ("jacobian:preset=prediction_poisoning", 100, 20, None),
    ("jacobian_targeted", 100, 20, None),
    ("jacobian_targeted:preset=jbda_tr", 1000, 30, None),
])
def test_the_presets_have_the_published_numbers(member, seeds, epochs, rounds):
    """As docs/published_attacks.md tells them."""
    attack = ATTACKS.make(member)
    assert (attack.seeds, attack.epochs, attack.rounds) == (seeds, epochs, rounds)


def test_the_targeted_presets_have_the_published_steps():
    steps = {preset: ATTACKS.make(f"jacobian_targeted:preset={preset}").step
             for preset in ("jb_top3", "jbda_tr")}  # yapf: disable
    assert steps == {"jb_top3": 0.01, "jbda_tr": pytest.approx(1.85 * 0.1 / 8)}
