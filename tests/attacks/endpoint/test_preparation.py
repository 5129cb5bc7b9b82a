"""Inputs are mapped to the model's range, dtype and shape."""
import re

import ml_dtypes
import numpy as np
import pytest

from attacks.endpoint.endpoint import Signature
from attacks.endpoint.failures import EndpointError
from attacks.endpoint.preparation import Preparation

IMAGES = np.linspace(0, 1, 2 * 6, dtype=np.float32).reshape(2, 2, 3, 1)


def prepared(inputs, model_range=None, dtype="float32", shape=None, data_range=(0.0, 1.0)):
    signature = Signature("x", "y", np.dtype(dtype), shape, None)
    return Preparation(data_range, model_range, inputs.shape[1:], signature)(inputs)


def test_without_a_range_inputs_are_unchanged():
    np.testing.assert_array_equal(prepared(IMAGES), IMAGES)
    assert prepared(IMAGES).dtype == np.float32
    assert prepared(IMAGES, dtype="float64").dtype == np.float64


@pytest.mark.parametrize("model_range", [(0, 255), (-1, 1), (0.5, 2)])
def test_the_lowest_and_highest_values_become_the_models(model_range):
    mapped = prepared(IMAGES, model_range)
    assert (mapped.min(), mapped.max()) == model_range
    back = prepared(mapped, (0, 1), data_range=model_range)
    np.testing.assert_allclose(back, IMAGES, atol=1e-7)


def test_values_of_an_integer_dtype_are_rounded_and_clipped():
    levels = np.float32([[-0.1, 0, 0.499, 1, 1.1]])
    np.testing.assert_array_equal(prepared(levels, (0, 255), "uint8"), [[0, 0, 127, 255, 255]])
    pixels = np.arange(256, dtype=np.uint8)[None]
    np.testing.assert_array_equal(prepared(np.float32(pixels / 255), (0, 255), "uint8"), pixels)


@pytest.mark.parametrize("shape", [(2, 3, 1), (None, None, 1), (2, 3), (6,), None])
def test_shapes_with_equally_many_values_fit(shape):
    mapped = prepared(IMAGES, shape=shape)
    expected = (2, 3, 1) if shape is None or None in shape else shape
    assert mapped.shape == (2, *expected)
    np.testing.assert_array_equal(mapped.ravel(), IMAGES.ravel())


@pytest.mark.parametrize("shape", [(3, 3, 1), (None, 1), (7,), (28, 28, 1)])
def test_other_shapes_are_refused(shape):
    with pytest.raises(EndpointError, match=r"inputs of shape \(.*Received.*\(2, 3, 1\)"):
        prepared(IMAGES, shape=shape)


def preparation(dtype, data_range=(0.0, 1.0), model_range=None):
    return Preparation(data_range, model_range, (2, 3, 1),
                       Signature("x", "y", np.dtype(dtype), None, None))


INTEGERS = ["uint8", "int8", "int16", "int32", "int64", "uint16", "uint64", "bool"]


@pytest.mark.parametrize("dtype", INTEGERS)
def test_images_need_a_range_for_integers(dtype):
    """Else each pixel would be rounded to 0 or 1, even if it is one of them already."""
    with pytest.raises(ValueError, match=f"`input_range` must be given.*{dtype}, such as"):
        preparation(dtype)
    preparation(dtype, model_range=(0, 1)).check_whole(IMAGES)


@pytest.mark.parametrize("dtype", ["uint8", "int8", "int64"])
def test_whole_numbers_go_into_integers_as_they_are(dtype):
    counts = np.float32(np.arange(12).reshape(2, 2, 3, 1))
    whole = preparation(dtype, (0.0, 11.0))
    whole.check_whole(counts)
    assert whole.losses(counts) == ""
    np.testing.assert_array_equal(whole(counts), counts)
    with pytest.raises(ValueError, match="must be given.*between whole numbers are rounded"):
        whole.check_whole(counts + 0.5)
    with pytest.raises(ValueError, match="must be given.*between whole numbers are rounded"):
        preparation(dtype, (0.0, 11.5))


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", ml_dtypes.bfloat16])
def test_other_dtypes_need_none(dtype):
    preparation(dtype).check_whole(IMAGES)
    assert preparation(dtype).losses(IMAGES) == ""


@pytest.mark.parametrize("dtype, given", [("int8", (0, 255)), ("uint8", (-1, 1)), ("bool", (0, 2)),
                                          ("int16", (0, 40000)), ("float16", (0, 1e5)),
                                          ("uint16", (-0.1, 1))])
def test_a_range_beyond_the_dtype_is_refused(dtype, given):
    """The values outside would be cut off; likewise for the data's own range."""
    with pytest.raises(ValueError, match=f"what {dtype} holds.*Received: {given[0]}"):
        preparation(dtype, model_range=given)
    with pytest.raises(ValueError, match=f"what {dtype} holds.*Received: none, and data from"):
        preparation(dtype, data_range=given)


@pytest.mark.parametrize("dtype, given, losses", [("uint8", (0, 255), "^$"),
                                                  ("int8", (-128, 127), "^$"),
                                                  ("int64", (0, 1), "rounding moves"),
                                                  ("int64", (0, 1000), "^$"),
                                                  ("float16", (0, 1), "^$"),
                                                  ("bool", (0, 1), "rounding moves")])
def test_what_the_dtype_takes_is_told(dtype, given, losses):
    images = np.random.default_rng(0).random((50, 20, 3), np.float32)
    prepare = Preparation((0.0, 1.0), given, (20, 3),
                          Signature("x", "y", np.dtype(dtype), None, None))
    assert re.search(losses, prepare.losses(images))


def test_rows_that_become_one_are_counted():
    inputs = np.float32(np.linspace(0, 1, 300)).reshape(300, 1) * np.ones((1, 6), np.float32)
    found = preparation("uint8", model_range=(0, 255)).losses(inputs.reshape(300, 2, 3, 1))
    assert found == "44 of 300 rows become equal to others"
