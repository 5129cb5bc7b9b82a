"""Probabilities and labels are read; other outputs are refused."""
import ml_dtypes
import numpy as np
import pytest

from models.answers.answers import are_labels
from models.answers.answers import check_probabilities
from models.answers.answers import read_answers

Y = np.float32([[0.1, 0.7, 0.2], [1e-38, 0.0, 1.0]])


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", ml_dtypes.bfloat16])
def test_numbers_of_any_precision_become_float32(dtype):
    answers = read_answers(Y.astype(dtype), 2, 3)
    assert answers.dtype == np.float32
    np.testing.assert_array_equal(answers, Y.astype(dtype).astype(np.float32))


def test_float32_is_kept_to_the_bit():
    strange = np.uint32([[0x7fc12345, 0x80000000, 1]]).view(np.float32)
    assert read_answers(strange, 1, 3).tobytes() == strange.tobytes()


@pytest.mark.parametrize("labels", [np.int64([2, 0, 1]), np.uint8([[2], [0], [1]])])
def test_whole_numbers_are_labels(labels):
    answers = read_answers(labels, 3, 3)
    np.testing.assert_array_equal(answers, np.eye(3)[[2, 0, 1]])
    assert are_labels(answers)


@pytest.mark.parametrize("shape", [(3,), (3, 1)])
def test_one_unit_is_the_second_of_two_classes(shape):
    unit = np.float32([0.25, 1, 0]).reshape(shape)
    np.testing.assert_array_equal(read_answers(unit, 3, 2), [[0.75, 0.25], [0, 1], [1, 0]])


@pytest.mark.parametrize("raw, message", [
    (Y[:1], r"shape \(2, 3\) for 2 inputs of 3 classes. Received: shape \(1, 3\)"),
    (np.stack([Y, Y], axis=-1), r"Received: shape \(2, 3, 2\)"),
    (np.float32(0.5), r"Received: shape \(\)"),
    (Y[:, :2], "must have 3 classes, as the data has. Received: 2 numbers per row"),
    (Y[:, 0], "Received: 1 numbers per row"),
    (np.array(["cat", "dog"]), "choose another output"),
    (np.array([b"cat", b"dog"], object), "choose another output"),
    (np.array([True, False]), "choose another output"),
    (np.int32([0, 3]), "from 0 to 2, as in the data. Received: 3"),
    (np.int32([-1, 0]), "Received: -1"),
])
def test_other_outputs_are_refused(raw, message):
    with pytest.raises(ValueError, match=message):
        read_answers(raw, 2, 3)


def test_saturated_answers_say_no_more_than_the_label():
    assert are_labels(np.eye(3)) and not are_labels(Y)


@pytest.mark.parametrize("answers, message", [
    ([[0.5, np.nan], [0.5, 0.5]], "NaN or infinity in 1 of 2 rows"),
    ([[0.5, np.inf], [np.nan, 0.5]], "NaN or infinity in 2 of 2 rows"),
    ([[1.5, -0.5], [0.5, 0.5]], "smallest entry of -0.5; does the victim emit logits"),
    ([[0.5, 0.5], [0.9, 0.2]], r"summing to 1 \(within 0.01\). Received: row sums from 1 to 1.1"),
])
def test_rows_that_are_not_distributions_are_refused(answers, message):
    with pytest.raises(ValueError, match=message):
        check_probabilities(np.float32(answers), 2)


def test_rounding_to_half_precision_passes():
    y = np.random.default_rng(0).dirichlet(np.full(1000, 0.01), 50).astype(np.float16)
    check_probabilities(read_answers(y, 50, 1000), 50)
