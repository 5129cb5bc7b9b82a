"""The generator: inputs of any shape, within their range, that follow from the seed."""
import numpy as np
import pytest
import tensorflow as tf

from attacks.queries.generation.generator import Generator

NOISE = np.random.default_rng(0).standard_normal((16, 9), np.float32)


def make(shape, input_range=(0.0, 1.0), seed=0):
    generator = Generator(shape, input_range, latent=9, width=4, seed=seed)
    return generator.inputs(generator.activations(tf.constant(NOISE))).numpy()


@pytest.mark.parametrize("shape", [(1, 1, 1), (3, 2, 1), (5, 9, 3), (8, 8, 1), (13,), (1,)])
@pytest.mark.parametrize("input_range", [(0.0, 1.0), (-2.0, 5.0), (0, 255)])
def test_inputs_have_the_shape_and_fill_the_range(shape, input_range):
    inputs, (low, high) = make(shape, input_range), input_range
    assert inputs.shape == (16, *shape) and inputs.dtype == np.float32
    assert low <= inputs.min() < inputs.max() <= high
    # The activations of each channel have mean 0 and variance 1 over the batch.
    channels = inputs.reshape(-1, shape[-1])
    assert np.all(np.ptp(channels, axis=0) > 0.4 * (high - low))


def test_inputs_follow_from_the_seed():
    np.testing.assert_array_equal(make((5, 9, 3)), make((5, 9, 3)))
    assert not np.array_equal(make((5, 9, 3)), make((5, 9, 3), seed=1))
