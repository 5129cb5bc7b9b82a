"""The formula, against a reference in extended precision, and the theorem about the label."""
import functools

import keras
from keras import ops
import numpy as np
import pytest

from revsig_keras import reverse_sigmoid
from revsig_keras import ReverseSigmoid
from revsig_keras.testing.backends import mode_of_policy
from revsig_keras.testing.rows import extreme_rows
from revsig_keras.testing.rows import hostile_rows
from revsig_keras.testing.rows import softmax_rows
from tests.revsig_keras import backends
from tests.revsig_keras import reference
from tests.revsig_keras.backends import as_numpy
from tests.revsig_keras.backends import constant
from tests.revsig_keras.backends import each_main_mode
from tests.revsig_keras.backends import EAGER
from tests.revsig_keras.backends import MODES
from tests.revsig_keras.backends import USUAL
from tests.tables import some_quick

CLASSES = (2, 3, 10, 100, 1000)


@functools.cache
def compiled(mode, preserve_top1, dtype):
    """Takes beta and gamma as tensors, so that one compilation does for all of them."""
    return mode(lambda y, beta, gamma: reverse_sigmoid(y, beta, gamma, preserve_top1, dtype=dtype))


def run(y, beta=1.0, gamma=0.2, preserve_top1=True, dtype=None, mode=USUAL):
    if mode is EAGER and np.ndim(beta) == 0:
        return as_numpy(reverse_sigmoid(constant(y), beta, gamma, preserve_top1, dtype=dtype))
    parameters = constant(beta, "float32"), constant(gamma, "float32")
    return as_numpy(compiled(mode, preserve_top1, dtype)(constant(y), *parameters))


@each_main_mode
@pytest.mark.parametrize("classes", CLASSES)
def test_literal_formula_is_exact(classes, mode):
    """Eq. (3) and (4), to 1e-6 of each entry from the smallest normal number to exactly 1."""
    count = 6 if classes == 1000 else 100
    y = np.concatenate([softmax_rows(count, classes, scale, classes) for scale in (0.1, 1, 5, 30)] +
                       [extreme_rows(classes, classes)])
    for beta in np.float32([0.001, 0.3, 1.0, 1.9, 1.999]):
        for gamma in np.float32([0.001, 0.05, 0.2, 1.0]):
            expected = reference.reverse_sigmoid(y, beta, gamma)
            output = run(y, beta, gamma, preserve_top1=False, mode=mode)
            np.testing.assert_allclose(output,
                                       expected.astype("float64"),
                                       1e-6 if beta < 1.95 else 5e-6,
                                       err_msg=f"beta={beta}, gamma={gamma}")


@pytest.mark.parametrize("classes", (2, 3, 10, 100))
def test_label_safe_formula_is_that_of_the_reference(classes):
    """Also where the scale is below 1; the reference finds it by a plain loop."""
    y = softmax_rows(150, classes, 2.5, classes)
    ordered = np.sort(y, axis=1)
    y = y[ordered[:, -1] - ordered[:, -2] > 0.02]  # Near ties are ill-conditioned.
    scaled = 0
    for beta, gamma in ((0.5, 0.2), (1.0, 0.2), (1.3, 0.5), (1.9, 0.1), (1.9, 0.9)):
        expected = reference.reverse_sigmoid(y, beta, gamma, epsilon=2.0**-23)
        np.testing.assert_allclose(run(y, beta, gamma), expected.astype("float64"), 5e-6)
        scaled += (abs(expected - reference.reverse_sigmoid(y, beta, gamma)) > 1e-3).any(1).sum()
    assert scaled > 20


def test_rows_that_keep_their_label_anyway_are_as_in_the_literal_formula():
    """Bit for bit: the scale is exactly 1."""
    y = softmax_rows(500, 10, 1.0, 1)
    y = y[np.sort(y, axis=1)[:, -1] < 0.5]
    literal, safe = (run(y, 0.7, 0.2, preserve_top1, mode=EAGER) for preserve_top1 in (False, True))
    np.testing.assert_array_equal(safe, literal)


def test_float64_is_computed_in_float64():
    """Whether it is the input's dtype or the output's."""
    y = softmax_rows(50, 10, 3, 2)
    expected = reference.reverse_sigmoid(y, 1.3, 0.2).astype("float64")
    for inputs, dtype in ((y.astype("float64"), None), (y, "float64")):
        with backends.enabled("float64"):
            output = run(inputs, 1.3, 0.2, False, dtype, EAGER)
        assert output.dtype == "float64"
        np.testing.assert_allclose(output, expected, 1e-14)


@backends.only_on("tensorflow", reason="of what tf.function traces")
def test_a_batch_of_unknown_size_and_rank_is_traced_once():
    """Long rows are summed in pieces, which must not need the size of the batch."""
    import tensorflow as tf
    function = tf.function(reverse_sigmoid, input_signature=[tf.TensorSpec((None, None, 100))])
    y = softmax_rows(12, 100, 2, 4)
    for shape in ((12, 1, 100), (3, 4, 100)):
        np.testing.assert_allclose(function(y.reshape(shape)), run(y).reshape(shape), 1e-6)


@each_main_mode
@pytest.mark.parametrize("dtype", some_quick(["float32", "bfloat16", "float16"], ["float32"]))
def test_no_label_ever_changes(dtype, mode):
    """The theorem, on hostile rows, as the layer receives them and as it returns them."""
    settings = ((1.0, 0.2), (1.9, 0.1), (0.3, 1.0), (1.999, 0.01), (1.2, 0.5))
    checked = 0
    for classes, rows in backends.some_of((10, 4800), (2, 1200), (3, 1600), (100, 1200),
                                          (1000, 60)):
        y = hostile_rows(rows, classes, classes)
        for received in (y, constant(y, dtype)) if mode is USUAL else (y,):
            labels = backends.as_float64(received).argmax(axis=1)
            for beta, gamma in settings:
                output = run(received, beta, gamma, dtype=dtype, mode=mode).astype("float64")
                np.testing.assert_array_equal(output.argmax(axis=1), labels)
                checked += len(y)
    assert checked > 25000


@pytest.mark.parametrize("dtype", [
    "float32",
    pytest.param("bfloat16", marks=pytest.mark.slow),
    pytest.param("float16", marks=pytest.mark.slow)
])
def test_no_label_of_a_million_rows_changes(dtype):
    """Hostile ones, each with a strength of its own."""
    rng = np.random.default_rng(12)
    checked = 0
    for classes, rows in ((2, 300_000), (3, 300_000), (10, 360_000), (100, 40_000), (1000, 1_000)):
        y = hostile_rows(rows, classes, classes + 1)
        beta, gamma = rng.uniform(0.001, [[1.999], [1.0]], (2, len(y))).astype("float32")
        output = run(y, beta[:, None], gamma[:, None], dtype=dtype)
        np.testing.assert_array_equal(output.astype("float32").argmax(1), y.argmax(1))
        checked += len(y)
    assert checked > 1_000_000


def test_the_literal_formula_loses_labels():
    """So the test above can fail, and the scale is what holds the label."""
    y = softmax_rows(2000, 10, 5, 3)
    assert (run(y, 1.2, 0.2, False).argmax(1) != y.argmax(1)).mean() > 0.05


def test_ties_stay_ties():
    """Whatever equals the top stays equal to it, and all else stays below."""
    y = hostile_rows(2000, 5, 11)
    top = y == y.max(axis=1, keepdims=True)
    for dtype in ("float32", "float16"):
        output = run(y, 1.5, 0.2, dtype=dtype)
        np.testing.assert_array_equal(output == output.max(axis=1, keepdims=True), top)


def test_one_hot_rows():
    """At beta = 1 the literal formula makes them uniform; the label-safe one leaves the label."""
    y = np.eye(10, dtype="float32")
    np.testing.assert_array_equal(run(y, 1.0, 0.2, False), np.full((10, 10), np.float32(0.1)))
    np.testing.assert_allclose(run(y, 1.0, 0.2), 0.1, rtol=1e-4)
    np.testing.assert_array_equal(run(y, 1.0, 0.2).argmax(1), np.arange(10))


def test_a_vanishing_beta_is_the_identity():
    """In both forms."""
    y = np.concatenate([softmax_rows(100, 10, 2, 5), extreme_rows(10, 5)])
    for preserve_top1 in (False, True):
        np.testing.assert_allclose(run(y, 1e-9, 0.2, preserve_top1), y, 1e-6, 1e-9)


def test_the_defaults_keep_what_answers_tell_apart():
    """At beta = gamma = 1 every answer would be the uniform row."""
    y = softmax_rows(100, 10, 2, 5)
    perturbed = as_numpy(ReverseSigmoid()(y))
    sureness = perturbed.max(axis=1)
    assert np.ptp(sureness) > 0.1 and sureness.max() > 0.25
    np.testing.assert_allclose(run(y, 1.0, 1.0, False), 0.1, 1e-5)


def test_about_two_over_classes_moves_a_sure_row_by_one():
    """The rule of thumb in the docstring."""
    for classes in (10, 100, 1000):
        y = np.eye(classes, dtype="float32")[:1]
        assert abs(run(y, 2 / classes, 0.2) - y).sum() == pytest.approx(1, abs=0.02 + 1 / classes)


def test_rows_that_are_no_distributions():
    """Scale does not matter, negatives count as 0, and no mass at all counts as uniform."""
    y = softmax_rows(50, 4, 2, 6)
    np.testing.assert_allclose(run(8 * y, 1.2), run(y, 1.2), 1e-6)
    np.testing.assert_array_equal(run([[-3.0, 1, 2]], 1.2), run([[0.0, 1, 2]], 1.2))
    np.testing.assert_allclose(run([[0.0] * 4, [-1.0] * 4]), 0.25, 1e-6)
    assert run([[-3.0, -1, -2]]).argmax() == 1


@each_main_mode
@pytest.mark.parametrize("preserve_top1", [False, True])
def test_rows_of_numbers_that_are_not_finite_or_too_large(preserve_top1, mode):
    """What spoils a row spoils all of it; minus infinity is a negative number."""
    y = np.float32([[3e38, 2e38, 1e38], [np.inf, 0.2, 0.3], [0.2, np.nan, 0.5], [-np.inf] * 3,
                    [-np.inf, 0.25, 0.75], [3e37, 2e37, 1e37]])
    output = run(y, 1.2, preserve_top1=preserve_top1, mode=mode)
    assert np.isnan(output[:3]).all()
    same = np.float32([[0, 0, 0], [0, 1, 3], [3, 2, 1]])
    expected = run(same, 1.2, preserve_top1=preserve_top1, mode=mode)
    np.testing.assert_allclose(output[3:], expected, 1e-6)


@backends.enabled("float64")
@pytest.mark.parametrize("preserve_top1", [False, True])
def test_gradients_match_differences(preserve_top1):
    """With respect to y, beta and gamma, so that a thief can learn them.

    Scaled rows are among them, and rows with two tops, which move together.
    """
    weights = constant(np.random.default_rng(0).normal(size=(30, 5)))

    def loss(y, beta, gamma):
        return ops.sum(weights * reverse_sigmoid(y, beta, gamma, preserve_top1))

    value = USUAL(loss)
    y = softmax_rows(30, 5, 2, 8).astype("float64")
    y[:10, :2] = 1.1 * y[:10].max(axis=1, keepdims=True)
    arguments = [y, np.float64(1.3), np.float64(0.3)]
    gradients = USUAL(backends.gradients(loss))(*map(constant, arguments))
    rng = np.random.default_rng(1)
    for i, gradient in enumerate(map(as_numpy, gradients)):
        assert gradient.dtype == "float64"
        step = 1e-7 * rng.normal(size=gradient.shape) * (y if i == 0 else 1)
        if i == 0:
            step[:10, 1] = step[:10, 0]
        moved = [
            float(
                value(*(constant(a + sign * step if i == j else a)
                        for j, a in enumerate(arguments))))
            for sign in (1, -1)
        ]
        assert (gradient * step).sum() == pytest.approx((moved[0] - moved[1]) / 2, rel=1e-4)


@pytest.mark.parametrize("policy, small, weight, steep", [
    ("float32", 2.0**-126, 1e6, 1e37),
    ("mixed_bfloat16", 2.0**-126, 1e6, 1e37),
    ("mixed_float16", 2.0**-24, 1e3, 65504),
])
def test_gradients_are_finite_however_steep(policy, small, weight, steep):
    """Near 0 the slope is about gamma y^(gamma - 1), whatever it is multiplied by."""
    mode, dtype = MODES[mode_of_policy()[policy]], policy.removeprefix("mixed_")
    rows = [[1, small, 4 * small, 0], [0.5, 0.5, small, 0.01], [small, 1, 0, 0]]
    y = constant(np.float32(rows), dtype)
    for preserve_top1 in (False, True):

        def loss(y):
            output = ops.cast(reverse_sigmoid(y, 1.0, 0.05, preserve_top1), "float32")
            return ops.sum(output * constant(weight * np.float32([1, -2, 3, 4])))

        gradient = backends.as_float64(mode(backends.gradients(loss))(y)[0])
        assert np.isfinite(gradient).all()
        assert abs(gradient).max() >= steep


def test_parameters_may_be_tensors():
    """With the same result as numbers, and one pair of them per row."""
    y = softmax_rows(6, 10, 2, 9)
    beta = np.float32([[0.3], [0.7], [1.1]] * 2)
    output = run(y, constant(beta), keras.Variable(0.2))
    for i, row in enumerate(y):
        np.testing.assert_allclose(output[i], run(row, float(beta[i, 0]), 0.2), 1e-6)


def test_the_layer_sees_its_input_before_autocast():
    """Two scores inside one step of bfloat16: the label is that of the float32 row."""
    y = np.float32([[0.4999, 0.5001], [0.3333, 0.3334]])
    for policy in ("mixed_bfloat16", "mixed_float16"):
        output = backends.as_float64(ReverseSigmoid(dtype=policy)(y))
        assert output.argmax(1).tolist() == [1, 1]


@pytest.mark.parametrize("name, values, reason", [
    ("beta", (0, 2, -1, 2.5, float("nan"), float("inf"), "1", None, True), "from 2 on"),
    ("gamma", (0, 1.01, -1, float("nan"), "1", None, True), "above 1"),
])
def test_parameters_out_of_range_are_refused(name, values, reason):
    """With the argument, what is expected, why, and what was received."""
    for value in values:
        for call in (lambda: ReverseSigmoid(**{name: value}),
                     lambda: reverse_sigmoid(np.ones((1, 3)), **{name: value})):
            with pytest.raises(ValueError, match=f"`{name}` must be a number") as error:
                call()
            assert f"{name}={value!r}" in str(error.value)
            assert reason in str(error.value) or value in ("1", None)
    with pytest.raises(ValueError, match=f"`{name}` must be a number"):
        ReverseSigmoid(**{name: constant(0.5)})


def test_other_arguments_are_checked():
    """The errors say what is expected."""
    with pytest.raises(ValueError, match="`preserve_top1` must be a boolean"):
        ReverseSigmoid(preserve_top1="yes")
    with pytest.raises(ValueError, match="`dtype` must be one of"):
        reverse_sigmoid(np.ones((1, 3)), dtype="int32")
    with pytest.raises(ValueError,
                       match="`axis`, that of the classes, must be an axis of the input"):
        reverse_sigmoid(np.float32(1.0))
