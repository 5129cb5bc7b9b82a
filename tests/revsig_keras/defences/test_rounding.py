"""Rounding, against NumPy in float64, and what happens to rows that round to ties or to nothing."""
import numpy as np
import pytest

from revsig_keras import Rounding
from revsig_keras.testing.rows import hostile_rows
from revsig_keras.testing.rows import softmax_rows
from tests.revsig_keras.backends import as_float64
from tests.revsig_keras.backends import as_numpy


@pytest.mark.parametrize("classes", (2, 3, 10, 100))
@pytest.mark.parametrize("decimals", range(5))
def test_as_numpy_rounds(decimals, classes):
    """Away from halves, which float32 and float64 may see on different sides."""
    y = np.concatenate([softmax_rows(200, classes, scale, classes) for scale in (1, 4)])
    units = y.astype("float64") * 10**decimals
    expected = np.round(units)
    fit = (abs(abs(units - expected) - 0.5) > 1e-3).all(1) & expected.any(1)
    assert fit.sum() > 50
    expected = expected[fit] / expected[fit].sum(axis=1, keepdims=True)
    np.testing.assert_allclose(as_numpy(Rounding(decimals)(y))[fit], expected, rtol=1e-6)


def test_an_answer_is_a_ratio_of_few_units():
    """But for the 2 epsilon by which a tied rival is lowered, it tells no more than the units."""
    y = softmax_rows(3000, 3, 2, 1)
    units = np.unique(np.round(y * 10), axis=0)
    answers = np.unique(as_numpy(Rounding(1)(y)).round(5), axis=0)
    assert len(answers) <= len(units) < len(y) / 10


def test_halves_go_to_even():
    """As in NumPy; the numbers are exact in float32."""
    np.testing.assert_array_equal(
        as_numpy(Rounding(0)(np.float32([[1.5, 2.5, 0.5]]))).round(6)[0, 2], 0)
    np.testing.assert_allclose(as_numpy(Rounding(2)(np.float32([[0.125, 0.875]]))),
                               [[12 / 100, 88 / 100]],
                               rtol=1e-6)


@pytest.mark.parametrize("classes", (10, 1000))
def test_where_nothing_reaches_half_a_unit_the_row_is_uniform(classes):
    """And the label is still the first of the largest."""
    y = np.full((2, classes), 0.4 / classes, "float32")
    y[1, 7] *= 1.01
    for dtype in ("float32", "float16", "bfloat16"):
        output = as_float64(Rounding(0, dtype=dtype)(y))
        np.testing.assert_allclose(output, 1 / classes, rtol=0.02)
        assert output.argmax(axis=1).tolist() == [0, 7]


def test_a_rounded_tie_keeps_the_label():
    """The largest class comes last, and rounding alone would make it the second."""
    output = as_numpy(Rounding(1)(np.float32([[0.33, 0.33, 0.34]])))
    np.testing.assert_allclose(output, 1 / 3, rtol=1e-6)
    assert output.argmax() == 2


def test_ties_stay_ties():
    """Of the largest class, whatever the decimals."""
    y = hostile_rows(1000, 5, 3)
    for decimals in (0, 1, 7):
        output = as_numpy(Rounding(decimals)(y))
        np.testing.assert_array_equal(output == output.max(1, keepdims=True),
                                      y == y.max(1, keepdims=True))


def test_rows_that_are_no_distributions():
    """Negatives count as 0, and no mass at all as uniform."""
    np.testing.assert_allclose(as_numpy(Rounding(1)(np.float32([[-3, 0.5, 1.5]]))),
                               [[0, 0.25, 0.75]])
    np.testing.assert_allclose(as_numpy(Rounding(1)(np.zeros((1, 4), "float32"))), 0.25)


@pytest.mark.parametrize("value", (-1, 8, 1.0, "1", None, True))
def test_decimals_out_of_range_are_refused(value):
    with pytest.raises(ValueError, match="`decimals` must be an integer from 0 to 7") as error:
        Rounding(value)
    assert f"decimals={value!r}" in str(error.value)


def test_integers_of_numpy_will_do():
    assert type(Rounding(np.int64(2)).get_config()["decimals"]) is int
