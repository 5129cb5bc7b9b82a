"""The label alone, against NumPy."""
import numpy as np
import pytest

from revsig_keras import LabelOnly
from revsig_keras.testing.rows import hostile_rows
from tests.revsig_keras import backends
from tests.revsig_keras.backends import as_float64


@backends.each_main_mode
@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16", "float64"])
@pytest.mark.parametrize("classes", (2, 3, 10, 1000))
def test_one_hot_of_the_first_of_the_largest(classes, dtype, mode):
    """Exactly, for each dtype of the rows received."""
    with backends.enabled(dtype):
        y = backends.constant(hostile_rows(200, classes, classes), dtype)
        output = as_float64(mode(LabelOnly(dtype=dtype))(y))
    np.testing.assert_array_equal(output, np.eye(classes)[as_float64(y).argmax(axis=1)])


def test_rows_that_are_no_distributions():
    """The largest is the label, whatever the others are."""
    output = LabelOnly()(np.float32([[-3, -1, -2], [0, 0, 0], [5, 7, 7]]))
    np.testing.assert_array_equal(as_float64(output), np.eye(3)[[1, 0, 1]])


def test_it_takes_no_arguments_of_its_own():
    with pytest.raises((TypeError, ValueError), match="k"):
        LabelOnly(k=1)
