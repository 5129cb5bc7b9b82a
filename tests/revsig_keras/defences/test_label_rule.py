"""The rule that keeps the label, whatever `perturb` returns."""
from keras import ops
import numpy as np
import pytest

from revsig_keras import Defence
from revsig_keras import LabelOnly
from revsig_keras import ReverseSigmoid
from revsig_keras import TopK
from revsig_keras.defences.label_rule import is_label
from revsig_keras.defences.numerics.indices import first_of_largest
from revsig_keras.testing.rows import hostile_rows
from tests.revsig_keras import backends
from tests.revsig_keras.backends import as_float64
from tests.revsig_keras.backends import constant
from tests.revsig_keras.defences import strangers

Y = np.float32([[0.5, 0.3, 0.2]])


class Answers(Defence):
    """Returns given scores, whatever the row."""

    def __init__(self, scores, **kwargs):
        super().__init__(**kwargs)
        self.scores = tuple(scores)

    def perturb(self, probabilities):
        return constant(np.broadcast_to(np.float32(self.scores), probabilities.shape))


def answer(scores, y=Y):
    return as_float64(Answers(scores)(y))


@pytest.mark.parametrize("scores, expected", [
    ((6, 3, 1), (0.6, 0.3, 0.1)),
    ((1, 3, 2), (3 / 8, 3 / 8, 2 / 8)),
    ((-1, 3, -2), (0.5, 0.5, 0)),
    ((0, 0, 2), (0.5, 0, 0.5)),
    ((0, 0, 0), (1 / 3, 1 / 3, 1 / 3)),
    ((-1, -2, -3), (1 / 3, 1 / 3, 1 / 3)),
    ((1e-38, 2e-38, 2e-38), (1 / 3, 1 / 3, 1 / 3)),
    ((1e37, 3e37, 2e37), (3 / 8, 3 / 8, 2 / 8)),
])
def test_the_label_gets_the_highest_score(scores, expected):
    """Negative scores count as 0, scores without mass as uniform, and the label is on top."""
    output = answer(scores)
    np.testing.assert_allclose(output, [expected], rtol=1e-5)
    assert (output[0, 0] > output[0, 1:]).all()


def test_equal_classes_stay_equal_or_are_withheld():
    """The label is the first of them."""
    y = np.float32([[0.2, 0.4, 0.4]])
    np.testing.assert_allclose(answer((1, 2, 3), y), [[1 / 7, 3 / 7, 3 / 7]], rtol=1e-6)
    np.testing.assert_allclose(answer((0, 2, 0), y), [[0, 1, 0]], rtol=1e-6)
    np.testing.assert_allclose(answer((0, 0, 2), y), [[0, 0.5, 0.5]], rtol=1e-6)


@pytest.mark.parametrize("scores", [(np.nan, 1, 1), (1, np.inf, 1), (3e38, 3e38, 3e38)])
def test_scores_that_are_no_numbers_spoil_their_row(scores):
    assert np.isnan(answer(scores)).all()


def test_a_spoilt_row_spoils_no_other():
    """Whatever `perturb` returns for it."""
    y = np.concatenate([Y, [[np.nan, 0.5, 0.5]], [[0.5, np.inf, 0.5]], Y]).astype("float32")
    output = answer((6, 3, 1), y)
    assert np.isnan(output[1:3]).all()
    np.testing.assert_allclose(output[[0, 3]], [(0.6, 0.3, 0.1)] * 2, rtol=1e-6)


@pytest.mark.parametrize("dtype", ("float32", "bfloat16", "float16"))
def test_the_defence_of_the_readme_loses_no_label(dtype):
    """As its own `perturb` would: up to one in five of these."""
    y = hostile_rows(100000, 10, 11)
    layer = strangers.readme_defence(dtype=dtype)
    output = as_float64(layer(y))
    np.testing.assert_array_equal(output.argmax(axis=1), y.argmax(axis=1))
    alone = as_float64(ops.cast(layer.perturb(constant(y)), dtype))
    assert (alone.argmax(axis=1) != y.argmax(axis=1)).any()


@pytest.mark.parametrize("shape", [(1, 3, 1), (3,), (1, 2), ()])
def test_scores_of_another_shape_are_refused(shape):

    class Reshaped(Defence):

        def perturb(self, probabilities):
            return ops.ones(shape)

    with pytest.raises(ValueError, match=r"`perturb` must return scores of the shape.*\(1, 3\)"):
        Reshaped()(Y)


def test_constant_rows_stay_as_they_are_by_construction():
    """To the bit: the base class only casts."""
    y = hostile_rows(200, 6, 4)
    output = backends.as_numpy(strangers.Table()(y))
    np.testing.assert_array_equal(output, np.float32(strangers.Table.rows(6))[y.argmax(axis=1)])


def test_each_defence_says_how_it_keeps_the_label():
    assert LabelOnly().keeps_label == TopK(2).keeps_label == "enforced"
    assert ReverseSigmoid().keeps_label == "by_construction"
    assert ReverseSigmoid(preserve_top1=False).keeps_label == "no"


def test_another_word_for_it_is_refused():

    class Vague(strangers.Inverted):
        keeps_label = "perhaps"

    with pytest.raises(ValueError, match="`keeps_label` must be one of .*keeps_label='perhaps'"):
        Vague()(Y)


@pytest.mark.parametrize("mode", backends.MODES.values(), ids=backends.MODES)
def test_the_label_is_the_first_of_the_largest(mode):
    """Of equal entries, a -0 beside a 0, and where nothing is above minus infinity."""
    y = np.float32([[1, 3, 3], [2, 2, 1], [-3, -1, -1], [0, 0, 0], [-0.0, 0, -1], [-1, -0.0, 0],
                    [-np.inf, -np.inf, -np.inf], [-np.inf, -5, -5]])
    y = np.concatenate([y, np.random.default_rng(0).integers(0, 2, (5000, 3))]).astype("float32")
    labels = y.argmax(axis=1)
    marked = as_float64(mode(lambda y: ops.cast(is_label(y), "int32"))(constant(y)))
    np.testing.assert_array_equal(marked, np.eye(3)[labels])
    np.testing.assert_array_equal(as_float64(mode(first_of_largest)(constant(y))), labels)
