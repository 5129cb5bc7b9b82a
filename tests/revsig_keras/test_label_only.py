"""The label alone, against NumPy."""
import numpy as np
import pytest
import tensorflow as tf

from revsig_keras import LabelOnly
from tests.revsig_keras.rows import hostile_rows


@pytest.mark.parametrize("jit", [False, True], ids=["eager", "xla"])
@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16", "float64"])
@pytest.mark.parametrize("classes", (2, 3, 10, 1000))
def test_one_hot_of_the_first_of_the_largest(classes, dtype, jit):
    """Exactly, for each dtype of the rows received."""
    y = tf.cast(hostile_rows(200, classes, classes), dtype)
    layer = LabelOnly(dtype=dtype)
    output = (tf.function(layer, jit_compile=True) if jit else layer)(y)
    labels = tf.cast(y, "float64").numpy().argmax(axis=1)
    np.testing.assert_array_equal(tf.cast(output, "float64"), np.eye(classes)[labels])


def test_rows_that_are_no_distributions():
    """The largest is the label, whatever the others are."""
    np.testing.assert_array_equal(LabelOnly()(np.float32([[-3, -1, -2], [0, 0, 0], [5, 7, 7]])),
                                  np.eye(3)[[1, 0, 1]])


def test_it_takes_no_arguments_of_its_own():
    with pytest.raises((TypeError, ValueError), match="k"):
        LabelOnly(k=1)
