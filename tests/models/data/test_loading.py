"""Data sets by name, and the errors of bad files."""
import dataclasses
import pathlib

import numpy as np
import pytest

from models.data import loading
from models.data.dataset import Dataset

X, Y = np.arange(40 * 6, dtype="uint8").reshape([40, 2, 3]), np.arange(40) % 4


def save(tmp_path, **arrays):
    np.savez(tmp_path / "data.npz", **arrays)
    return f"npz:{tmp_path / 'data.npz'}"


def test_digits():
    digits = loading.load("digits")
    assert digits.x.shape == (1797, 8, 8, 1) and digits.x.dtype == np.float32
    assert digits.y.dtype == np.int64 and digits.num_classes == 10 and digits.test_x is None
    assert digits.input_range == (0, 1) == (digits.x.min(), digits.x.max())


def test_npz_bytes_are_scaled(tmp_path):
    dataset = loading.load(save(tmp_path, x=X, y=Y))
    np.testing.assert_array_equal(dataset.x, (X / 255).astype("float32"))
    np.testing.assert_array_equal(dataset.y, Y)
    assert dataset.num_classes == 4 and dataset.input_range == (0, 1)
    assert dataset.input_shape == (2, 3) and dataset.y.dtype == np.int64


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_npz_floats_are_kept(tmp_path, dtype):
    x = (np.linspace(-3, 7, 80).reshape([40, 2])).astype(dtype)
    dataset = loading.load(save(tmp_path, x=x, y=Y.astype("uint8")))
    np.testing.assert_array_equal(dataset.x, x.astype("float32"))
    assert dataset.input_range == (-3, 7)


@pytest.mark.parametrize("scale, dtype", [(1, "uint8"), (-.5, "float32")])
def test_npz_with_an_official_test_split(tmp_path, scale, dtype):
    x, more = (X * scale).astype(dtype), (X[:7] * scale * 2).astype(dtype)
    dataset = loading.load(save(tmp_path, x=x, y=Y, x_test=more, y_test=Y[:7] % 2))
    assert dataset.test_x.shape == (7, 2, 3) and dataset.test_x.dtype == np.float32
    np.testing.assert_array_equal(dataset.test_y, Y[:7] % 2)
    assert dataset.num_classes == 4
    assert dataset.input_range == ((0, 1) if dtype == "uint8" else (-119.5, 0))


@pytest.mark.parametrize("kind", [int, str])
def test_npz_with_groups(tmp_path, kind):
    groups, tests = np.arange(40) // 4 * 7, np.array([7, 1000])
    arrays = {"x": X, "y": Y, "groups": groups.astype(kind)}
    alone = loading.load(save(tmp_path, **arrays))
    assert alone.test_groups is None and len(np.unique(alone.row_groups[0])) == 10
    both = loading.load(
        save(tmp_path, **arrays, x_test=X[:2] + 9, y_test=Y[:2], groups_test=tests.astype(kind)))
    there, test = both.row_groups
    assert np.flatnonzero(np.isin(there, test)).tolist() == [4, 5, 6, 7]


@pytest.mark.parametrize("arrays, message", [
    ({"x": X}, "with the arrays x and y.*there is no array y"),
    ({"y": Y}, "with the arrays x and y.*there is no array x"),
    ({"x": X, "y": Y[1:]}, r"Received: \(40, 2, 3\) and \(39,\)"),
    ({"x": X, "y": Y[:, None]}, "labels of shape"),
    ({"x": X[:, 0, 0], "y": Y}, "inputs of shape"),
    ({"x": X[:0], "y": Y[:0]}, "Received: 0"),
    ({"x": X[:, :, :0] * 1.0, "y": Y}, "inputs of shape"),
    ({"x": np.where(X == 7, np.nan, X), "y": Y}, "finite inputs. Received: NaN or infinity"),
    ({"x": X * 1e300, "y": Y}, "finite inputs"),
    ({"x": X.astype("int64"), "y": Y}, "dtype uint8 or float. Received: int64"),
    ({"x": X.astype(str), "y": Y}, "dtype uint8 or float"),
    ({"x": X, "y": Y * 1.0}, r"integer dtype, as y.astype\(int\) has. Received: float64"),
    ({"x": X, "y": Y, "x_test": X, "y_test": Y / 2}, r"as y_test.astype\(int\) has"),
    ({"x": X, "y": Y - 1}, "from 0 to K - 1.*Received: 4 different labels from -1 to 2"),
    ({"x": X, "y": Y * 2}, "from 0 to K - 1.*Received: 4 different labels from 0 to 6"),
    ({"x": X, "y": Y * 0}, "at least 2 classes. Received: 1"),
    ({"x": X.astype(object), "y": Y}, "without pickled objects"),
    ({"x": X, "y": Y, "x_test": X}, "must have y_test where it has x_test"),
    ({"x": X, "y": Y, "y_test": Y}, "must have x_test where it has y_test"),
    ({"x": X, "y": Y, "groups_test": Y}, "must have x_test where it has groups_test"),
    ({"x": X, "y": Y, "x_test": X / 9, "y_test": Y}, "x and x_test of dtype uint8 or float"),
    ({"x": X, "y": Y, "x_test": X[:, 1:], "y_test": Y}, "test inputs of the shape"),
    ({"x": X, "y": Y, "x_test": X, "y_test": Y + 1}, "test labels from 0 to 3. Received: 1 to 4"),
    ({"x": X, "y": Y, "x_test": X, "y_test": Y[1:]}, r"test inputs .* and test labels .*\(39,\)"),
    ({"x": X, "y": Y, "x_test": X[:0], "y_test": Y[:0]}, "must have test inputs of shape"),
    ({"x": X / 9, "y": Y, "x_test": np.full(X.shape, np.inf), "y_test": Y},
     "must have finite test inputs"),
    ({"x": X, "y": Y, "groups": Y * 1.0}, "groups of shape .*dtype float64"),
    ({"x": X, "y": Y, "groups": Y[1:]}, r"one whole number per row in groups.*\(39,\)"),
    ({"x": X, "y": Y, "x_test": X, "y_test": Y, "groups": Y, "groups_test": Y.astype(str)},
     "of one kind, numbers or texts"),
])  # yapf: disable
@pytest.mark.filterwarnings("ignore:invalid value")
def test_bad_npz(tmp_path, arrays, message):
    with pytest.raises(ValueError, match=message):
        loading.load(save(tmp_path, **arrays))


@pytest.mark.parametrize("content", [b"", b"text", b"PK\3\4 not a zip file", None])
def test_unreadable_npz(tmp_path, content):
    path = tmp_path / "data.npz"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ValueError, match=f"npz:{path} must be a readable NumPy .npz file") as error:
        loading.load(f"npz:{path}")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("cut", [0.3, 0.9])
def test_truncated_npz(tmp_path, cut):
    name = save(tmp_path, x=X, y=Y)
    path = tmp_path / "data.npz"
    path.write_bytes(path.read_bytes()[:int(path.stat().st_size * cut)])
    with pytest.raises(ValueError, match="must be a readable NumPy .npz file"):
        loading.load(name)


def test_damaged_npz_is_one_line(tmp_path):
    """The damaged byte claims that a member is encrypted."""
    name, path = save(tmp_path, x=X, y=Y), tmp_path / "data.npz"
    data = bytearray(path.read_bytes())
    data[data.rindex(b"PK\1\2") + 8] |= 1
    path.write_bytes(data)
    with pytest.raises(ValueError, match="must be a readable NumPy .npz file") as error:
        loading.load(name)
    assert "\n" not in str(error.value)


def test_npy_is_not_npz(tmp_path):
    np.save(tmp_path / "data.npy", X)
    with pytest.raises(ValueError, match="must be a readable NumPy .npz file"):
        loading.load(f"npz:{tmp_path / 'data.npy'}")


def test_image_size_is_for_folders_and_tfds(tmp_path):
    with pytest.raises(ValueError,
                       match="`image_size` must be given for folder: and TFDS data sets only"):
        loading.load("digits", image_size=(4, 4))


def test_fingerprint_is_that_of_the_data():
    arrays = {"x": np.zeros((4, 2), "float32"), "y": np.array([0, 1, 0, 1])}
    dataset = Dataset("one", **arrays, num_classes=2, input_range=(0.0, 1.0))
    other_y = np.array([1, 1, 0, 1])
    changes = [
        {"x": np.zeros((4, 2, 1), "float32")}, {"x": np.ones((4, 2), "float32")}, {"y": other_y},
        {"num_classes": 3}, {"input_range": (0.0, 2.0)},
        {"test_x": arrays["x"], "test_y": arrays["y"]}, {"test_x": arrays["x"], "test_y": other_y},
    ]  # yapf: disable
    prints = [dataclasses.replace(dataset, **change).fingerprint() for change in [{}, *changes]]
    assert len(set(prints)) == len(prints) and all(len(digest) == 64 for digest in prints)
    assert dataclasses.replace(dataset, name="two").fingerprint() == dataset.fingerprint()


@pytest.mark.parametrize("change, message", [
    ({
        "test_y": np.array([0, 2])
    }, "labels from 0 to 1. Received: 0 to 2"),
    ({
        "test_x": np.zeros((2, 3), "float32")
    }, r"test inputs of the shape \(2,\). Received: \(3,\)"),
])
def test_test_rows_are_checked_too(change, message):
    x, y = np.zeros((2, 2), "float32"), np.array([0, 1])
    with pytest.raises(ValueError, match=message):
        Dataset("bad", x, y, 2, (0.0, 1.0), **{"test_x": x, "test_y": y, **change})


def test_data_config_loads_and_takes_paths_and_integers_of_numpy():
    assert loading.DataConfig("digits").load().name == "digits"
    config = loading.DataConfig("mnist",
                                pathlib.Path("data"),
                                image_size=[np.int64(4), 5],
                                split_seed=np.int64(3),
                                cache_dir=pathlib.Path("cache"))
    assert config == loading.DataConfig("mnist",
                                        "data",
                                        image_size=(4, 5),
                                        split_seed=3,
                                        cache_dir="cache")


@pytest.mark.parametrize("change, message", [
    ({"split_seed": -1}, "`split_seed` must be an integer of 0 or more"),
    ({"split_seed": True}, "`split_seed` must be an integer"),
    ({"download": "no"}, "`download` must be a boolean. Received: download='no'"),
    ({"image_size": (4,)}, r"must be a pair \(height, width\). Received: \(4,\)"),
    ({"image_size": (4, 0)}, "`image_size` must be an integer of 1 or more. Received"),
])  # yapf: disable
def test_data_configs_out_of_range_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        loading.DataConfig("mnist", **change)
