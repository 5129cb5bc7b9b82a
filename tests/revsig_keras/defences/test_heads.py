"""Logits, sigmoid units and any axis of classes: exact, label-safe, and the map that rows get."""
import functools

import keras
from keras import ops
import numpy as np
import pytest

from revsig_keras import reverse_sigmoid
from revsig_keras import ReverseSigmoid
from revsig_keras.testing.backends import mode_of_policy
from revsig_keras.testing.rows import softmax_rows
from revsig_keras.testing.rows import TINY
from tests.revsig_keras import reference
from tests.revsig_keras.backends import as_float64
from tests.revsig_keras.backends import as_numpy
from tests.revsig_keras.backends import constant
from tests.revsig_keras.backends import each_main_mode
from tests.revsig_keras.backends import EAGER
from tests.revsig_keras.backends import gradients
from tests.revsig_keras.backends import MODES
from tests.revsig_keras.backends import USUAL
from tests.tables import some_quick

STRENGTHS = [(beta, gamma)
             for beta in np.float32([0.001, 0.3, 1.0, 1.9, 1.999])
             for gamma in np.float32([0.001, 0.05, 0.2, 1.0])]
LOGITS = {"from_logits": True}
UNITS = {"multi_label": True}
UNIT_LOGITS = {"from_logits": True, "multi_label": True}


def logit_rows(rows, classes, seed):
    """From flat to far beyond what a softmax in float32 can tell apart; ties, masked classes."""
    rng = np.random.default_rng(seed)
    z = np.concatenate([scale * rng.normal(size=(rows, classes)) for scale in (0.1, 1, 10, 100)])
    index = np.arange(len(z))
    z[::3, rng.integers(classes)] = 100  # One logit that is sure, in a third of the rows.
    z[1::5, 0] = -100
    z[2::7, rng.integers(classes)] = z[2::7].max(axis=1)
    z[3::11, -1] = -np.inf
    z[4::13] = rng.choice([-100.0, 100.0], size=z[4::13].shape)
    z[5::17, rng.integers(classes)] = np.nextafter(np.float32(z[5::17].max(axis=1)), np.float32(0))
    return np.float32(z[index])


def unit_values():
    """Probabilities from 0 over the smallest normal number to exactly 1, near 1/2 among them."""
    near = 0.5 + np.array([-1.0, 1.0, -2.0, 4.0, 900.0, -900.0]) * 2.0**-25
    small = np.exp2(np.linspace(-126, -1, 300))
    return np.float32([0, TINY, *small, *(1 - small), 0.5, *near, 1 - 2.0**-24, 1])


def unit_logits():
    """From hardly any to far beyond what a sigmoid in float32 can tell apart."""
    size = np.geomspace(1e-12, 200, 300)
    return np.float32([*-size, 0, *size])


@functools.cache
def compiled(mode, preserve_top1, **options):
    """Takes beta and gamma as tensors, so that one compilation does for all of them."""

    def function(y, beta, gamma):
        return reverse_sigmoid(y, beta, gamma, preserve_top1, **options)

    return mode(function)


def run(y, beta=1.0, gamma=0.2, preserve_top1=True, mode=USUAL, **options):
    """With numbers for beta and gamma, or compiled, with tensors."""
    if mode is EAGER:
        return as_numpy(reverse_sigmoid(constant(y), beta, gamma, preserve_top1, **options))
    function = compiled(mode, preserve_top1, **options)
    return as_numpy(function(constant(y), constant(beta, "float32"), constant(gamma, "float32")))


@each_main_mode
@pytest.mark.parametrize("classes", some_quick([2, 3, 10, 100, 1000], [2, 100]))
def test_logits_are_exact(classes, mode):
    """In the literal formula, to 1e-6 of each entry, logits of +-100 among them."""
    z = logit_rows(2 if classes == 1000 else 30, classes, classes)
    for beta, gamma in STRENGTHS:
        expected = reference.reverse_sigmoid_of_logits(z, beta, gamma)
        np.testing.assert_allclose(run(z, beta, gamma, False, mode, **LOGITS),
                                   expected.astype("float64"),
                                   1e-6 if beta < 1.95 else 5e-6,
                                   err_msg=f"beta={beta}, gamma={gamma}")


@each_main_mode
@pytest.mark.parametrize("options, values, expect", [
    (UNITS, unit_values(), reference.reverse_sigmoid_of_units),
    (UNIT_LOGITS, unit_logits(), reference.reverse_sigmoid_of_unit_logits),
], ids=["probabilities", "logits"])  # yapf: disable
def test_sigmoid_units_are_exact(mode, options, values, expect):
    """In the literal formula; a probability near 1 counts by its distance from 1."""
    for beta, gamma in STRENGTHS:
        np.testing.assert_allclose(run(values, beta, gamma, False, mode, **options),
                                   expect(values, beta, gamma).astype("float64"),
                                   1e-6 if beta < 1.95 else 5e-6,
                                   err_msg=f"beta={beta}, gamma={gamma}")


def test_label_safe_heads_are_those_of_the_reference():
    """Also where the scale is below 1; where it falls steeply, at near ties, rounding shows."""
    z = logit_rows(100, 5, 2)
    lead = z.max(axis=1, keepdims=True) - z
    scaled = 0
    for options, values, expect in (
        (LOGITS, z[~((lead > 0) & (lead < 1e-3)).any(axis=1)], reference.reverse_sigmoid_of_logits),
        (UNITS, unit_values(), reference.reverse_sigmoid_of_units),
        (UNIT_LOGITS, unit_logits(), reference.reverse_sigmoid_of_unit_logits),
    ):
        for beta, gamma in ((0.5, 0.2), (1.0, 0.2), (1.3, 0.5), (1.9, 0.1), (1.9, 0.9)):
            expected = expect(values, beta, gamma, epsilon=2.0**-23)
            np.testing.assert_allclose(run(values, beta, gamma, **options),
                                       expected.astype("float64"), 5e-6)
            scaled += (abs(expected - expect(values, beta, gamma)) > 1e-3).sum()
    assert scaled > 1000


@each_main_mode
@pytest.mark.parametrize("dtype", some_quick(["float32", "bfloat16", "float16"], ["float32"]))
def test_no_label_of_a_head_ever_changes(mode, dtype):
    """Of logits, and of units: those above 1/2 stay above, those below below, and 1/2 is kept."""
    z, y, unit_z = logit_rows(500, 10, 3), unit_values(), unit_logits()
    for beta, gamma in ((1.0, 0.2), (1.9, 0.1), (1.999, 0.01), (0.3, 1.0)):
        output = run(z, beta, gamma, True, mode, dtype=dtype, **LOGITS).astype("float64")
        np.testing.assert_array_equal(output.argmax(axis=1), z.argmax(axis=1))
        output = run(y, beta, gamma, True, mode, dtype=dtype, **UNITS).astype("float64")
        np.testing.assert_array_equal(np.sign(output - 0.5), np.sign(y - 0.5))
        output = run(unit_z, beta, gamma, True, mode, dtype=dtype, **UNIT_LOGITS).astype("float64")
        np.testing.assert_array_equal(np.sign(output - 0.5), np.sign(unit_z))


def test_the_literal_formula_makes_units_cross():
    """So the test above can fail."""
    output = run(unit_values(), 1.9, 0.1, False, **UNITS)
    assert (np.sign(output - 0.5) != np.sign(unit_values() - 0.5)).mean() > 0.3


def test_a_sigmoid_unit_is_a_row_of_two_classes():
    """Alone or among others, as a probability or a logit."""
    y = softmax_rows(200, 2, 2, 5)
    z = np.log(y[:, 1:]) - np.log(y[:, :1])
    expected = run(y, 1.3)[:, 1:]
    np.testing.assert_allclose(run(y[:, 1:], 1.3), expected, 1e-5)
    np.testing.assert_allclose(run(y[:, 1:], 1.3, **UNITS), expected, 1e-5)
    np.testing.assert_allclose(run(z, 1.3, **LOGITS), expected, 1e-5)
    np.testing.assert_allclose(
        run(y.reshape(4, 50, 2), 1.3, **UNITS).reshape(200, 2)[:, 1:], expected, 1e-5)
    np.testing.assert_allclose(run(y[:, 1], 1.3, **UNITS), expected[:, 0], 1e-5)


def test_logits_give_what_their_softmax_gives():
    """Whatever their sum and their level."""
    z = 3 * np.random.default_rng(6).normal(size=(300, 7))
    y = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    for preserve_top1 in (True, False):
        expected = run(np.float32(y), 1.2, 0.3, preserve_top1)
        for level in (0, 50, -50):
            output = run(np.float32(z + level), 1.2, 0.3, preserve_top1, **LOGITS)
            np.testing.assert_allclose(output, expected, 2e-5)


@pytest.mark.parametrize("options", [{}, LOGITS], ids=["probabilities", "logits"])
def test_the_classes_may_be_on_any_axis(options):
    """A segmentation map, with its classes last, first, or in between."""
    y = softmax_rows(2 * 3 * 4, 5, 2, 7)
    expected = run(y, 1.3, **options).reshape(2, 3, 4, 5)
    for axis in range(-4, 4):
        layer = ReverseSigmoid(1.3, axis=axis, **options)
        answer = USUAL(layer)
        output = as_numpy(answer(constant(np.moveaxis(y.reshape(2, 3, 4, 5), -1, axis))))
        np.testing.assert_allclose(np.moveaxis(output, axis, -1), expected, 1e-6)
    layer = ReverseSigmoid(axis=1, **options)
    assert layer.compute_output_shape((None, 5, None, None)) == (None, 5, None, None)
    assert layer(keras.Input((5, None, None))).shape == (None, 5, None, None)
    assert layer(np.ones((0, 5, 2), "float32")).shape == (0, 5, 2)


@pytest.mark.parametrize("options", [LOGITS, UNITS, UNIT_LOGITS])
def test_in_training_the_probabilities_are_clean(options):
    """Also those of logits, so that losses and metrics see probabilities in both cases."""
    z = 5 * np.random.default_rng(8).normal(size=(20, 4))
    values = z if "from_logits" in options else 1 / (1 + np.exp(-z))
    layer = ReverseSigmoid(apply_in_training=False, **options)
    clean = as_float64(layer(np.float32(values), training=True))
    expected = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    if "multi_label" in options:
        expected = 1 / (1 + np.exp(-z))
    np.testing.assert_allclose(clean, expected, 1e-5)
    unit = as_float64(ReverseSigmoid(**options)(np.float32(values[:, :1]), training=True))
    np.testing.assert_allclose(unit,
                               1 / (1 + np.exp(-z[:, :1])) if options != UNITS else values[:, :1],
                               1e-5)
    assert abs(as_float64(layer(np.float32(values))) - clean).max() > 0.05


@pytest.mark.parametrize("policy, mode", mode_of_policy().items())
@pytest.mark.parametrize("options", [LOGITS, UNITS, UNIT_LOGITS],
                         ids=["logits", "units", "unit logits"])
def test_gradients_of_heads_are_finite(policy, mode, options):
    """Where the softmax is saturated, classes are masked, and units are 0, 1/2 or 1."""
    if options == UNITS:
        y = np.append(unit_values(), 0.5)[None]
    else:
        y = logit_rows(30, 6, 9)
    layer = ReverseSigmoid(1.3, dtype=policy, **options)
    weights = constant(np.linspace(1, 9, y.shape[1], dtype="float32"))

    def loss(y):
        return ops.sum(ops.cast(layer(y), "float32") * weights)

    y = ops.cast(y, layer.compute_dtype)
    gradient, = MODES[mode](lambda y: gradients(loss)(y))(y)
    assert np.isfinite(as_float64(gradient)).all()


def test_gradients_of_heads_match_differences():
    """Of the reference, with respect to logits and units, scaled ones among them."""
    rng = np.random.default_rng(10)
    z = 3 * rng.normal(size=(20, 5))
    weights = rng.normal(size=z.shape)
    step = 1e-6 * rng.normal(size=z.shape)
    for options, values, expect in (
        (LOGITS, z, reference.reverse_sigmoid_of_logits),
        (UNIT_LOGITS, z, reference.reverse_sigmoid_of_unit_logits),
        (UNITS, 1 / (1 + np.exp(-z)), reference.reverse_sigmoid_of_units),
    ):
        for preserve_top1, epsilon in ((False, None), (True, 2.0**-23)):

            def loss(y):
                output = reverse_sigmoid(y, 1.3, 0.3, preserve_top1, **options)
                return ops.sum(output * constant(weights, "float32"))

            gradient, = USUAL(gradients(loss))(constant(values.astype("float32")))
            up, down = ((weights * expect(moved, 1.3, 0.3, epsilon).reshape(z.shape)).sum()
                        for moved in (values + step, values - step))
            expected = pytest.approx(float(up - down) / 2, rel=2e-3)
            assert (as_float64(gradient) * step).sum() == expected


def test_what_is_not_finite_stays_where_it_is():
    """A NaN or a logit of +inf spoils its row, a NaN its unit; a logit of -inf is a class of 0."""
    z = logit_rows(10, 4, 11)
    clean = run(z, **LOGITS)
    z[0, 1], z[5, 2], z[7] = np.nan, np.inf, -np.inf
    output = run(z, **LOGITS)
    assert np.isnan(output[[0, 5, 7]]).all()
    others = np.delete(np.arange(len(z)), [0, 5, 7])
    np.testing.assert_array_equal(output[others], clean[others])
    masked = run([[1.0, -np.inf, 2.0, 0.0]], **LOGITS)
    y = np.exp([1.0, -np.inf, 2.0, 0.0])
    np.testing.assert_allclose(masked, run(np.float32([y / y.sum()])), 1e-6)

    y = np.float32([0.2, np.nan, 0.7, -0.5, 1.5, np.inf])
    output = run(y, **UNITS)
    np.testing.assert_array_equal(np.isnan(output), [0, 1, 0, 0, 0, 1])
    np.testing.assert_array_equal(output[[0, 2, 3, 4]], run(np.float32([0.2, 0.7, 0, 1]), **UNITS))
    z = np.float32([-2.0, np.nan, -np.inf, np.inf])
    output = run(z, **UNIT_LOGITS)
    np.testing.assert_array_equal(np.isnan(output), [0, 1, 0, 0])
    np.testing.assert_allclose(output[2:], run(np.float32([0, 1]), **UNITS), 1e-6)


def test_arguments_of_heads_are_checked():
    """The errors say what is expected and what was received."""
    for name in ("from_logits", "multi_label"):
        with pytest.raises(ValueError, match=f"`{name}` must be a boolean.*{name}=1"):
            ReverseSigmoid(**{name: 1})
    for axis in (None, 1.0, True, "last"):
        with pytest.raises(ValueError, match="`axis` must be an integer"):
            ReverseSigmoid(axis=axis)
    for axis in (2, -3):
        with pytest.raises(ValueError, match=rf"`axis`.* axis={axis} for shape=\(2, 3\)"):
            ReverseSigmoid(axis=axis)(np.ones((2, 3), "float32"))
    with pytest.raises(ValueError, match=r"axis 1 has a fixed size.*\(None, None, 5\)"):
        ReverseSigmoid(axis=1).compute_output_shape((None, None, 5))
    for options in (LOGITS, UNITS):
        with pytest.raises(ValueError, match="floating-point dtype.*int32"):
            ReverseSigmoid(**options)(np.ones((2, 3), "int32"))
