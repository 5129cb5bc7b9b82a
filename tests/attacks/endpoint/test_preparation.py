"""Inputs are mapped to the model's range, dtype and shape."""
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
