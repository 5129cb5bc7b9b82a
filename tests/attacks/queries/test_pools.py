"""Foreign pools: images of another data set as inputs for the victim."""
import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.datasets import load_sample_images

from attacks.queries import foreign_pool
from attacks.queries.pools import Pools
from models.data import photos
from models.data.dataset import Dataset
from models.data.images import resize
from models.data.images import with_channels
from models.data.loading import DataConfig
from tests.models.data.test_tfds import LABELS
from tests.models.data.test_tfds import prepare


def pools_for(shape, input_range=(0.0, 1.0), dataset=None):
    own = np.random.default_rng(3).random((20, *shape), np.float32)
    return Pools(own, input_range, dataset and DataConfig(dataset))


@pytest.mark.parametrize("name, least, classes", [("photos", 9000, 0), ("digits", 1790, 10)])
@pytest.mark.parametrize("input_range", [(0.0, 1.0), (-1.0, 1.0)])
@pytest.mark.parametrize("shape", [
    (8, 8, 1),
    pytest.param((28, 28, 1), marks=pytest.mark.slow),
    pytest.param((32, 32, 3), marks=pytest.mark.slow),
    (9, 5, 3),
])
def test_inputs_have_the_shape_the_range_and_the_dtype_of_the_victims(shape, input_range, name,
                                                                      least, classes):
    pool = pools_for(shape, input_range).foreign(name)
    low, high = input_range
    assert len(pool.inputs) > least and pool.inputs.shape[1:] == shape
    assert pool.inputs.dtype == np.float32
    assert low <= pool.inputs.min() < low + 0.1 and high - 0.1 < pool.inputs.max() <= high
    assert len(np.unique(pool.inputs, axis=0)) == len(pool.inputs)
    if classes:
        assert pool.classes.shape == pool.inputs.shape[:1]
        assert set(pool.classes) == set(range(classes))
    else:
        assert pool.classes is None


def test_a_pool_is_loaded_once_and_always_the_same(monkeypatch):
    pools = pools_for((8, 8, 1))
    np.testing.assert_array_equal(
        pools.foreign("photos").inputs,
        pools_for((8, 8, 1)).foreign("photos").inputs)
    loaded = pools.foreign("photos")
    monkeypatch.setattr(foreign_pool, "load", None)
    assert pools.foreign("photos") is loaded


def test_a_patch_is_a_part_of_a_photograph():
    """In full size it equals that part, and in any size it has the same mean."""
    photo = load_sample_images().images[0].astype(np.float32) / 255
    grid = photos._grid(photo, 64)
    assert len(grid) == 23 * 37
    np.testing.assert_array_equal(grid[0], photo[:64, :64])
    np.testing.assert_array_equal(grid[37 + 2], photo[16:80, 32:96])
    for size in ((8, 8), (28, 28), (32, 32), (96, 96)):
        small = resize(grid, size)
        assert small.shape == (len(grid), *size, 3) and 0 <= small.min() <= small.max() <= 1
        np.testing.assert_allclose(small.mean(axis=(1, 2)), grid.mean(axis=(1, 2)), atol=0.025)


def test_patches_come_from_both_photographs():
    means = [photo.mean(axis=(0, 1)) / 255 for photo in load_sample_images().images]
    average = photos.patches((8, 8)).mean(axis=(0, 1, 2))
    assert (np.abs(average - np.mean(means, axis=0)) < 0.05).all()
    np.testing.assert_array_equal(photos.patches((8, 8)), photos.patches((8, 8)))


def test_digits_keep_their_classes_and_their_pixels():
    digits = load_digits()
    pool = pools_for((8, 8, 3)).foreign("digits")
    np.testing.assert_array_equal(pool.inputs[..., 1], (digits.images / 16).astype("float32"))
    np.testing.assert_array_equal(pool.inputs[..., 0], pool.inputs[..., 2])
    np.testing.assert_array_equal(pool.classes, digits.target)


def test_grey_is_the_luminance_and_grey_images_keep_their_values():
    colours = np.eye(3, dtype=np.float32)[None]
    np.testing.assert_allclose(with_channels(colours, 1)[0, :, 0], [0.299, 0.587, 0.114])
    grey = np.random.default_rng(0).random((4, 5, 6, 1), np.float32)
    np.testing.assert_allclose(with_channels(with_channels(grey, 3), 1), grey, atol=1e-6)
    with pytest.raises(ValueError,
                       match="1 or 3 channels.*Received: 4 channels, to be converted to 1"):
        with_channels(np.zeros((1, 2, 2, 4)), 1)


def test_duplicate_images_are_dropped(monkeypatch):
    images = np.zeros((5, 4, 4, 1), np.float32)
    images[[1, 3]] = 0.5
    twice = Dataset("twice", images, np.arange(5), 5, (0.0, 1.0))
    monkeypatch.setattr(foreign_pool.loading, "load", lambda *_, **__: twice)
    pool = pools_for((4, 4, 1)).foreign("twice")
    np.testing.assert_array_equal(pool.inputs, images[:2])
    np.testing.assert_array_equal(pool.classes, [0, 1])


def test_sets_of_tfds_are_read_from_the_directory_of_the_run_and_resized(tmp_path):
    prepare(tmp_path, shape=(None, None, 3))
    pools = Pools(np.ones((9, 8, 7, 1), np.float32), (0.0, 2.0), DataConfig("x", str(tmp_path)))
    pool = pools.foreign("small")
    expected = np.broadcast_to(np.arange(5)[:, None, None, None] * 100 / 255, (5, 8, 7, 1))
    np.testing.assert_allclose(pool.inputs, expected, atol=1e-5)
    assert pool.classes.tolist() == LABELS["train"]
    with pytest.raises(ValueError, match="`pool` must be photos, digits, .* is not prepared in"):
        pools.foreign("mnist")


@pytest.mark.parametrize("name, victim", [("digits", "digits"), ("mnist", "mnist"),
                                          ("mnist/3.0.1", "mnist"), ("MNIST", "mnist:3.0.1")])
def test_the_victims_own_data_set_is_refused_by_name(name, victim):
    with pytest.raises(ValueError, match="another data set than the victim's.*Received: " + name):
        pools_for((8, 8, 1), dataset=victim).foreign(name)


def test_the_victims_own_data_set_is_refused_by_its_images():
    images = (load_digits().images[..., None] / 16).astype("float32")
    with pytest.raises(ValueError, match="another data set than the victim's.*Received: digits"):
        Pools(images[:700], (0.0, 1.0), DataConfig("npz:renamed.npz")).foreign("digits")
    assert Pools(images[:700], (0.0, 1.0), DataConfig("digits")).foreign("photos")


@pytest.mark.parametrize("shape", [(20,), (8, 8), (8, 8, 4)])
def test_victims_that_do_not_take_images_are_refused(shape):
    with pytest.raises(ValueError, match="`pool` must be own where the inputs are no images"):
        pools_for(shape).foreign("photos")


def test_unknown_pools_are_refused():
    with pytest.raises(ValueError, match="`pool` must be photos, digits, or .*Received: pictures"):
        pools_for((8, 8, 1)).foreign("pictures")


def test_pools_have_no_labels_of_the_victims_task():
    assert set(vars(pools_for(
        (8, 8, 1)))) == {"own", "input_range", "_data", "_others", "_foreign", "_lock"}
