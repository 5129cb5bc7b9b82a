"""The k largest, against NumPy in float64, ties among them."""
import keras
import numpy as np
import pytest

from revsig_keras import LabelOnly
from revsig_keras import TopK
from revsig_keras.testing.rows import hostile_rows
from revsig_keras.testing.rows import softmax_rows
from revsig_keras.testing.rows import TINY
from tests.revsig_keras import backends
from tests.revsig_keras.backends import as_numpy


def reference(y, k):
    """By a stable sort."""
    y = np.where(y < TINY, 0, y.astype("float64"))
    kept = np.argsort(-y, axis=1, kind="stable")[:, :k]
    scores = np.zeros_like(y)
    np.put_along_axis(scores, kept, np.take_along_axis(y, kept, axis=1), axis=1)
    return scores / scores.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("classes, k", [(2, 1), (2, 2), (3, 2), (10, 1), (10, 4), (10, 10),
                                        (100, 7), (1000, 5)])
def test_as_a_stable_sort_has_it(classes, k):
    """With ties, near ties and zeros, some of which are kept."""
    y = np.concatenate([hostile_rows(200, classes, k), softmax_rows(100, classes, 2, k)])
    np.testing.assert_allclose(as_numpy(TopK(k)(y)), reference(y, k), rtol=1e-6)


def test_of_equals_the_first_are_kept():
    """Exactly k, also where more are equal to the largest."""
    y = np.float32([[0.1, 0.2, 0.2, 0.2, 0.3], [0.2] * 5])
    np.testing.assert_allclose(as_numpy(TopK(3)(y)),
                               [[0, 2 / 7, 2 / 7, 0, 3 / 7], [1 / 3] * 3 + [0] * 2],
                               rtol=1e-6)
    np.testing.assert_array_equal(
        as_numpy(TopK(3)(hostile_rows(300, 10, 1))).astype(bool).sum(1) > 3, False)


def test_with_all_classes_nothing_changes():
    """But rounding."""
    y = softmax_rows(100, 10, 2, 1)
    np.testing.assert_allclose(as_numpy(TopK(10)(y)), y, rtol=1e-6)


def test_with_one_it_is_the_label_alone():
    """Bit for bit, but on JAX, which multiplies by a reciprocal instead of dividing."""
    y = hostile_rows(400, 10, 2)
    tolerance = 2.0**-23 if backends.NAME == "jax" else 0
    np.testing.assert_allclose(as_numpy(TopK(1)(y)), as_numpy(LabelOnly()(y)), tolerance)


def test_rows_that_are_no_distributions():
    """Scale does not matter, negatives count as 0, and no mass at all as uniform."""
    y = softmax_rows(50, 4, 2, 6)
    np.testing.assert_allclose(as_numpy(TopK(2)(8 * y)), as_numpy(TopK(2)(y)), rtol=1e-6)
    output = as_numpy(TopK(2)(np.float32([[-3, -1, -2]])))
    np.testing.assert_allclose(output, [[0, 0.5, 0.5]], rtol=1e-6)
    assert output.argmax() == 1


@pytest.mark.parametrize("value", (0, -1, 1.0, "1", None, True))
def test_k_out_of_range_is_refused(value):
    with pytest.raises(ValueError, match="`k` must be an integer of 1 or more") as error:
        TopK(value)
    assert f"k={value!r}" in str(error.value)


def test_more_than_there_are_classes_is_refused():
    """When a model is built and when it is called."""
    for inputs in (keras.Input((3,)), np.full((1, 3), 1 / 3, "float32")):
        with pytest.raises(ValueError, match="at most the number of classes.*k=4 for 3 classes"):
            TopK(4)(inputs)


def test_integers_of_numpy_will_do():
    assert type(TopK(np.int64(2)).get_config()["k"]) is int
