"""Noise that is a function of the row, against NumPy with unsigned integers and float64."""
import functools
import itertools

import numpy as np
import pytest

from revsig_keras import RandomNoise
from revsig_keras.defences.random_noise import keyed_uniform
from revsig_keras.testing.rows import hostile_rows
from revsig_keras.testing.rows import softmax_rows
from revsig_keras.testing.rows import TINY
from tests.revsig_keras import backends
from tests.revsig_keras.backends import as_numpy
from tests.revsig_keras.backends import constant
from tests.revsig_keras.backends import EAGER
from tests.revsig_keras.backends import MODES
from tests.tables import some_quick


def mix(x):
    """The hash, in the unsigned arithmetic that its author gives it in."""
    x = np.uint32(x)
    x = (x ^ (x >> np.uint32(16))) * np.uint32(0x7FEB352D)
    x = (x ^ (x >> np.uint32(15))) * np.uint32(0x846CA68B)
    return x ^ (x >> np.uint32(16))


def uniform(y, seed):
    y = np.where(y < TINY, np.float32(0), y)
    salts = np.random.SeedSequence(seed).generate_state(2 * y.shape[-1])
    key = mix(y.view("uint32") ^ salts[:y.shape[-1]]).sum(1, dtype="uint32", keepdims=True)
    return (2 * (mix(key ^ salts[y.shape[-1]:]) >> np.uint32(9)) + 1).astype("float64") / 2**24


def noise_of(y, seed, mode=EAGER):
    """That of the library."""
    return as_numpy(mode(functools.partial(keyed_uniform, seed=seed))(constant(y)))


def rows(classes=10):
    return np.concatenate([hostile_rows(200, classes, 1), softmax_rows(100, classes, 3, 2)])


@backends.each_mode
@pytest.mark.parametrize("classes", some_quick((2, 10, 1000), [10]))
def test_noise_is_that_of_the_reference_in_every_mode(classes, mode):
    """Bit for bit, and so the same in every process, at any place of any batch."""
    y = rows(classes)
    expected = uniform(y, 3)
    for part in (slice(None), slice(5, 6), slice(None, None, -7)):
        np.testing.assert_array_equal(noise_of(y[part], 3, mode), expected[part])
    shaped = noise_of(y[:12].reshape(3, 4, classes), 3, mode)
    np.testing.assert_array_equal(shaped, expected[:12].reshape(3, 4, classes))


def test_noise_does_not_change_between_versions():
    """A few numbers, as they were when this was written."""
    found = noise_of(np.float32([[0.7, 0.2, 0.1], [1, 0, 0]]), 0)
    np.testing.assert_array_equal(found * 2**24,
                                  [[6370469, 3946547, 111893], [2738283, 2417307, 11267241]])


@pytest.mark.parametrize("dtype", ("float16", "bfloat16", "float64"))
def test_noise_is_that_of_the_row_in_float32(dtype):
    """Whatever the dtype the row is received in."""
    with backends.enabled(dtype):
        y = as_numpy(constant(constant(rows(), dtype), "float32"))
        # A number below the smallest normal float32 counts as 0 in all of them.
        y = np.where(y < TINY, np.float32(0), y)
        np.testing.assert_array_equal(noise_of(constant(y, dtype), 0), noise_of(y, 0))


def test_zeros_and_denormals_are_one_number():
    """With either sign, as some processors flush them."""
    y = np.float32([[1, 0, 0], [1, -0.0, 0], [1, 1e-40, 0], [1, 0, -2]])
    for name, mode in MODES.items():
        noise = noise_of(y, 0, mode)
        assert (noise == noise[0]).all(), name


def test_other_rows_and_seeds_have_other_noise():
    """Down to the last bit of one entry, the order of the entries, and the number of classes."""
    y = np.unique(rows(), axis=0)
    near = y.copy()
    near[:, 4] = np.nextafter(near[:, 4], np.float32(2))
    near = near[near[:, 4] > 1e-37]
    noises = [
        noise_of(changed, seed)
        for changed, seed in ((y, 0), (y, 1), (y, 2**80), (near, 0), (np.roll(y, 1, axis=1), 0))
    ]
    for noise in noises:
        assert len(np.unique(noise, axis=0)) == len(noise)
    for one, other in itertools.combinations(noises, 2):
        shared = min(len(one), len(other))
        assert (one[:shared] == other[:shared]).mean() < 0.005


def test_noise_is_uniform_and_independent():
    """In each class and between classes, rows that differ in one bit, and seeds."""
    y = np.full((20000, 6), 0.1, "float32")
    y[:, 0] = np.nextafter(np.float32(0.5), 1) + np.arange(20000, dtype="float32") * 2.0**-24
    assert len(np.unique(y[:, 0])) == 20000
    noise = np.concatenate([noise_of(y, seed) for seed in (0, 1)], axis=1)
    assert 0 < noise.min() and noise.max() < 1
    counts = np.stack([np.histogram(column, 16, (0, 1))[0] for column in noise.T])
    chi_square = ((counts - 1250)**2 / 1250).sum(axis=1)
    assert chi_square.max() < 45  # 15 degrees of freedom: above it once in 10,000.
    assert abs(np.corrcoef(noise.T) - np.eye(12)).max() < 0.03
    assert abs(np.corrcoef(noise[1:].T, noise[:-1].T)[:12, 12:]).max() < 0.03


@pytest.mark.parametrize("scale", (0.01, 0.3, 0.7, 1.0))
def test_as_the_formula_has_it(scale):
    """Against the mixture in float64, with the label raised."""
    y = rows()
    share = y.astype("float64") / y.sum(axis=1, dtype="float64", keepdims=True)
    noise = uniform(y, 5)
    mixture = (1 - scale) * share + scale * noise / noise.sum(axis=1, keepdims=True)
    top = y == y.max(axis=1, keepdims=True)
    expected = np.where(top, mixture.max(axis=1, keepdims=True), mixture)
    expected /= expected.sum(axis=1, keepdims=True)
    output = as_numpy(RandomNoise(scale, seed=5)(y))
    np.testing.assert_allclose(output, expected, rtol=2e-6)
    np.testing.assert_array_equal(output == output.max(axis=1, keepdims=True), top)
    assert abs(mixture - share).sum(axis=1).max() <= 2 * scale


def test_asking_again_tells_nothing_new():
    """A thief who repeats a row, anywhere in any batch, gets one answer."""
    y = softmax_rows(1, 10, 2, 3)
    others = softmax_rows(30, 10, 2, 4)
    layer = RandomNoise(0.5)
    answers = [as_numpy(layer(y))[0]]
    for place in (0, 11, 30):
        answers.append(as_numpy(layer(np.insert(others, place, y, axis=0)))[place])
    np.testing.assert_allclose(answers, np.tile(answers[0], (4, 1)), rtol=1e-6)


def test_rows_that_are_no_distributions():
    """No mass at all counts as uniform; the label is that of the row received."""
    output = as_numpy(RandomNoise(0.3)(np.float32([[-3, -1, -2], [0, 0, 0]])))
    np.testing.assert_allclose(output.sum(axis=1), 1, rtol=1e-6)
    assert (output > 0.2).all() and output.argmax(axis=1).tolist() == [1, 0]


@pytest.mark.parametrize("name, values, expected", [
    ("scale", (0, -0.1, 1.01, float("nan"), float("inf"), "1", None, True), "0 < scale <= 1"),
    ("seed", (-1, 1.0, "1", None, True), "an integer of 0 or more"),
])
def test_arguments_out_of_range_are_refused(name, values, expected):
    for value in values:
        with pytest.raises(ValueError, match=f"`{name}` must be .*{expected}") as error:
            RandomNoise(**{name: value})
        assert f"{name}={value!r}" in str(error.value)


def test_numbers_of_numpy_will_do():
    config = RandomNoise(np.float32(0.5), np.int64(3)).get_config()
    assert type(config["scale"]) is float and type(config["seed"]) is int
