"""Where two classes nearly tie, rounding decides how far a row is perturbed, and how far it may."""
import numpy as np
import pytest

from revsig_keras import ConfidenceBuckets
from revsig_keras import reverse_sigmoid
from revsig_keras import ReverseSigmoid
from revsig_keras.testing.rows import softmax_rows
from tests.revsig_keras import backends
from tests.revsig_keras import reference
from tests.revsig_keras.backends import as_numpy
from tests.revsig_keras.backends import constant
from tests.tables import some_quick

STRENGTHS = [(1.0, 0.2), (0.1, 1.0), (1.9, 0.02), (1.9, 1.0)]
CLASSES = backends.some_of(10, 2, 100)


def tied_rows(classes, gap, count=64):
    """Flat rows, and rows of two classes; the second is below the top by the factor `gap`."""
    generator = np.random.default_rng(classes)
    logits = generator.normal(size=(count, classes)) * np.geomspace(0.01, 3, count)[:, np.newaxis]
    logits[:, 0] = logits.max(axis=1) + 0.01
    logits[:, 1] = logits[:, 0] + np.log1p(-gap)
    logits[::2, 2:] -= 15
    return np.float32(logits)


def probabilities(logits):
    y = np.exp(np.float64(logits))
    return np.float32(y / y.sum(axis=1, keepdims=True))


def ends_of(layer, rows):
    """The lower and the higher one of each entry."""
    ends = [np.float64(as_numpy(x)) for x in layer.answers_within_rounding(constant(rows))]
    return np.minimum(*ends), np.maximum(*ends)


def outside(answers, ends):
    """How far each entry is from what lies between the ends, in terms of its size."""
    answers = np.float64(answers)
    return abs(answers - np.clip(answers, *ends)) / np.maximum(answers, 0.1 / answers.shape[-1])


@pytest.mark.parametrize("classes", some_quick(CLASSES, [10]))
@pytest.mark.parametrize("from_logits", [False, True], ids=["probabilities", "logits"])
def test_exact_answers_lie_between(classes, from_logits):
    """Those of the layer and those in extended precision, however near the tie."""
    read = reference.reverse_sigmoid_of_logits if from_logits else reference.reverse_sigmoid
    for beta, gamma in STRENGTHS:
        layer = ReverseSigmoid(beta, gamma, from_logits=from_logits)
        for gap in (0.0, *2.0**-np.array([24, 23, 22, 20, 17, 10]), 0.3):
            rows = tied_rows(classes, gap)
            rows = rows if from_logits else probabilities(rows)
            ends = ends_of(layer, rows)
            for answers in (as_numpy(layer(constant(rows))), read(rows, beta, gamma, 2.0**-23)):
                assert outside(answers, ends).max() < 5e-6, (beta, gamma, gap)


@pytest.mark.parametrize("policy, step", [("mixed_float16", 2.0**-10), ("mixed_bfloat16", 2.0**-7),
                                          ("float32", 2.0**-23)])
def test_the_ends_part_only_where_rounding_decides(policy, step):
    """By at most the ratio of some roundings to the gap: of the computation, not of the answer."""
    layer, parted = ReverseSigmoid(dtype=policy), []
    for power in (2, 8, 12, 15, 18, 20, 21, 22, 23, 25):
        low, high = ends_of(layer, probabilities(tied_rows(10, 2.0**-power)))
        assert (high - low).max() <= 64 * 2.0**(power - 23) + 2 * step
        parted += [power] if (high - low).max() > 0.05 else []
    assert min(parted) > 15 and {20, 21, 22, 23} <= set(parted)


def test_exact_ties_and_clear_rows_have_one_answer():
    rows = np.float32([[.3, .3, .2, .2], [.25, .25, .25, .25], [.4, .3, .2, .1], [1, 0, 0, 0],
                       [.5, .5, 0, 0], [0, 0, 0, 0]])  # yapf: disable
    for layer in (ReverseSigmoid(), ReverseSigmoid(1.9, 1.0), ReverseSigmoid(1.9, 0.02)):
        low, high = ends_of(layer, rows)
        np.testing.assert_allclose(low, high, 2e-5)


def test_a_spoilt_row_has_no_answer():
    low, high = ends_of(ReverseSigmoid(), np.float32([[np.nan, .5, .5], [np.inf, 0, 0]]))
    assert np.isnan(low).all() and np.isnan(high).all()


class Halved(ReverseSigmoid):
    """Moves the answers half as far, by a map of its own."""

    def perturb(self, probabilities):
        return (probabilities + super().perturb(probabilities)) / 2


@pytest.mark.parametrize("layer", [
    ReverseSigmoid(preserve_top1=False),
    ConfidenceBuckets(),
    Halved(),
],
                         ids=["literal", "buckets", "halved"])
def test_defences_without_such_a_quotient_have_one_answer(layer):
    rows = probabilities(tied_rows(10, 2.0**-22))
    low, high = ends_of(layer, rows)
    np.testing.assert_array_equal(low, high)
    np.testing.assert_array_equal(low, as_numpy(layer(constant(rows))))


def test_units_near_one_half():
    """Their ends hold what is computed in float64."""
    y = np.float32([0.5 + sign * 2.0**-power for power in range(2, 25) for sign in (-1, 0, 1)])
    for beta, gamma in STRENGTHS:
        layer = ReverseSigmoid(beta, gamma, multi_label=True)
        exact = reference.reverse_sigmoid_of_units(y, beta, gamma, 2.0**-23)
        assert outside(exact[:, np.newaxis], ends_of(layer, y[:, np.newaxis])).max() < 1e-6


@backends.enabled("float64")
def test_a_computation_in_float64_is_held_to_its_own_roundings():
    rows = np.float64(softmax_rows(64, 10, 1, 0))
    rows[:, 0] = rows.max(axis=1)
    rows[:, 1] = rows[:, 0] * (1 - 2.0**-20)
    layer = ReverseSigmoid(dtype="float64")
    low, high = ends_of(layer, rows)
    assert ((high - low) / high).max() < 1e-6
    answers = as_numpy(reverse_sigmoid(constant(rows), dtype="float64"))
    assert outside(answers, (low, high)).max() < 1e-12
