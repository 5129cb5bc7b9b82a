"""Recovery by inverting the Reverse Sigmoid."""

import numpy as np
import pytest

from attacks.adversaries.inverse import Inverse
from attacks.adversaries.recovery.inversion import Inversion
from attacks.adversaries.recovery.inversion import TOLERANCE
from attacks.clone.transfer_set import one_hot_labels
from revsig_keras import ReverseSigmoid
from tests.attacks.adversaries import recoveries
from tests.attacks.adversaries.recoveries import answer
from tests.attacks.adversaries.recoveries import distance
from tests.attacks.adversaries.recoveries import known


def saturated(rows=300, num_classes=10):
    """Rows of a confident victim: a top of 0.99 to 1 - 1e-6, the rest spread over powers of ten."""
    rng = np.random.default_rng(3)
    rest = np.exp(4 * rng.standard_normal((rows, num_classes - 1)))
    rest *= 10**rng.uniform(-6, -2, (rows, 1)) / rest.sum(axis=1, keepdims=True)
    y = np.concatenate([1 - rest.sum(axis=1, keepdims=True), rest], axis=1)
    return rng.permuted(y, axis=1)


@pytest.mark.parametrize("beta, gamma", [(1.0, 0.2), (1.0, 0.5), (0.7, 0.2)])
@pytest.mark.parametrize("num_classes", [3, 10])
def test_confident_rows_are_recovered_exactly(beta, gamma, num_classes):
    y = saturated(num_classes=num_classes)
    layer = ReverseSigmoid(beta, gamma)
    recovered, inverted = Inversion(layer)(np.array(layer(y.astype(np.float32))))
    assert inverted.mean() > 0.99
    errors = np.abs(recovered - y).sum(axis=1)[inverted]
    assert np.mean(errors < 1e-4) > 0.99


@pytest.mark.parametrize("gamma", [0.05, 0.1, 0.2])
def test_rows_with_zeros_are_recovered(gamma):
    """Such as rounded ones. Where gamma is small, the answer to 0 is far from all others."""
    y = saturated().round(4).astype(np.float32)
    layer = ReverseSigmoid(0.5, gamma)
    recovered, inverted = Inversion(layer)(np.array(layer(y)))
    assert inverted.all()
    np.testing.assert_allclose(recovered, y, atol=1e-3)


@pytest.mark.parametrize("defence", ["reverse_sigmoid", "reverse_sigmoid:beta=1.3:gamma=.2"])
def test_the_layer_turns_inverted_rows_into_the_answers_again(defence):
    y = np.random.default_rng(0).dirichlet([0.3] * 10, 200).astype(np.float32)
    answers = answer(y, defence)
    recovered, inverted = Inversion(Inverse().belief.layer(defence))(answers)
    recoveries.assert_distributions(recovered, answers)
    assert 0.2 < inverted.mean()
    missed = np.abs(answer(recovered.astype(np.float32), defence) - answers).sum(axis=1)
    assert missed[inverted].max() < 2 * TOLERANCE
    np.testing.assert_array_equal(recovered[~inverted], one_hot_labels(answers)[~inverted])


def test_a_linear_defence_is_inverted_for_every_row():
    y = np.random.default_rng(0).dirichlet([1.0] * 10, 100).astype(np.float32)
    recovered, inverted = Inversion(ReverseSigmoid(0.5,
                                                   1.0))(answer(y,
                                                                "reverse_sigmoid:beta=.5:gamma=1"))
    assert inverted.all()
    np.testing.assert_allclose(recovered, y, atol=1e-4)


def test_scaled_rows_are_not_inverted():
    """At this magnitude the perturbation of every confident row is scaled, and its top is tied."""
    y = saturated().astype(np.float32)
    layer = ReverseSigmoid(1.5, 0.2)
    answers = np.array(layer(y))
    free = np.array(ReverseSigmoid(1.5, 0.2, preserve_top1=False)(y))
    scaled = free.argmax(axis=1) != y.argmax(axis=1)
    recovered, inverted = Inversion(layer)(answers)
    assert scaled.mean() > 0.5 and not inverted[scaled].any()
    np.testing.assert_array_equal(recovered[scaled], one_hot_labels(answers)[scaled])


def test_answers_are_recovered_at_once():
    y = saturated()
    answers = answer(y.astype(np.float32))
    recovered = Inverse().read(answers, known())
    recoveries.assert_distributions(recovered, answers)
    assert distance(recovered, y) < 0.1 * distance(one_hot_labels(answers), y)
    wrong = Inverse(0.6, 0.2).read(answers, known())
    recoveries.assert_distributions(wrong, answers)
    assert distance(wrong, y) > 2 * distance(recovered, y)


def test_an_answer_is_inverted_alone_as_it_is_among_others():
    answers = answer(saturated(20).astype(np.float32))
    whole, _ = Inversion(ReverseSigmoid())(answers)
    for row, a in zip(whole, answers):
        np.testing.assert_array_equal(Inversion(ReverseSigmoid())(a[None])[0][0], row)


def test_another_defence_cannot_be_inverted():
    reason = "inverse: it can invert a Reverse Sigmoid alone"
    assert Inverse().unfit("rounding") == Inverse().unfit("top_k:k=3") == reason
    assert Inverse(1.0, 0.2).unfit("rounding") is None


def test_undefended_answers_are_taken_as_they_are_unless_a_defence_is_guessed():
    answers = saturated().astype(np.float32)
    np.testing.assert_array_equal(Inverse().read(answers, known("none")), answers)
    guessing = Inverse(1.0, 0.2).read(answers, known("none"))
    np.testing.assert_array_equal(guessing, Inverse(1.0, 0.2).read(answers, known()))
