"""Image-classification sets of TFDS, tried on small ones that TFDS itself prepares here."""
import numpy as np
import pytest
import tensorflow_datasets as tfds

from models.data import loading

LABELS = {"train": [0, 1, 2, 2, 1], "test": [1, 0], "validation": [2, 2, 2]}


def prepare(data_dir,
            splits=("train", "test"),
            shape=(4, 6, 3),
            dtype=np.uint8,
            secret=(),
            **features):
    """Writes a data set in which the pixels of row i are all 50 * i."""
    rows = {}
    for split in splits:
        rows[split] = []
        for i, label in enumerate(LABELS[split]):
            image = np.full([side or 3 + i for side in shape], 50 * i, dtype)
            rows[split].append((i, {"image": image, "label": -1 if split in secret else label}))
    features = features or {
        "image": tfds.features.Image(shape=shape, dtype=dtype),
        "label": tfds.features.ClassLabel(num_classes=3)
    }
    tfds.dataset_builders.store_as_tfds_dataset(name="small",
                                                version="1.0.0",
                                                data_dir=data_dir,
                                                features=tfds.features.FeaturesDict(features),
                                                split_datasets=rows,
                                                disable_shuffling=True)


def load(data_dir, name="small", **options):
    return loading.load(name, data_dir=str(data_dir), **options)


def test_images_and_labels(tmp_path):
    prepare(tmp_path)
    dataset = load(tmp_path)
    expected = np.broadcast_to(np.arange(5)[:, None, None, None] * 50 / 255, [5, 4, 6, 3])
    np.testing.assert_allclose(dataset.x, expected, rtol=1e-6)
    assert dataset.x.dtype == np.float32 and dataset.y.dtype == np.int64
    assert dataset.y.tolist() == LABELS["train"] and dataset.test_y.tolist() == LABELS["test"]
    assert dataset.num_classes == 3 and dataset.input_range == (0, 1) and dataset.name == "small"
    assert load(tmp_path).fingerprint() == dataset.fingerprint()


@pytest.mark.parametrize("options, test", [
    ({"splits": ["train"]}, None),
    ({"splits": ["train", "validation"]}, "validation"),
    ({"splits": ["train", "validation", "test"]}, "test"),
    ({"splits": ["train", "validation", "test"], "secret": ["test"]}, "validation"),
    ({"splits": ["train", "test"], "secret": ["test"]}, None),
])  # yapf: disable
def test_which_split_is_the_test_split(tmp_path, options, test):
    prepare(tmp_path, **options)
    dataset = load(tmp_path)
    assert (dataset.test_y is None) if test is None else (dataset.test_y.tolist() == LABELS[test])


def test_images_that_differ_in_size_need_one(tmp_path):
    prepare(tmp_path, shape=(None, None, 1))
    with pytest.raises(ValueError, match=r"image_size \(height, width\).*\(None, None, 1\)"):
        load(tmp_path)
    dataset = load(tmp_path, image_size=(5, 7))
    assert dataset.x.shape == (5, 5, 7, 1)
    np.testing.assert_allclose(dataset.x[:, 2, 3, 0], np.arange(5) * 50 / 255, rtol=1e-5)


def test_sixteen_bits(tmp_path):
    prepare(tmp_path, shape=(4, 4, 1), dtype=np.uint16)
    np.testing.assert_allclose(load(tmp_path).x[:, 0, 0, 0], np.arange(5) * 50 / 65535, rtol=1e-6)


def test_same_size_is_left_alone(tmp_path):
    prepare(tmp_path)
    np.testing.assert_array_equal(load(tmp_path, image_size=(4, 6)).x, load(tmp_path).x)


def test_not_an_image_classification_set(tmp_path):
    image = tfds.features.Image(shape=(4, 6, 3))
    prepare(tmp_path, image=image, label=tfds.features.Scalar(np.int64))
    with pytest.raises(ValueError, match="must have an image and one class label.*image, label"):
        load(tmp_path)


def test_needs_a_train_split(tmp_path):
    prepare(tmp_path, splits=["test"])
    with pytest.raises(ValueError, match="must have a split train. Received: test"):
        load(tmp_path)


@pytest.mark.parametrize("name", ["mnits", "../mnist", "no such thing", ""])
def test_unknown_name(tmp_path, name):
    with pytest.raises(ValueError) as error:
        load(tmp_path, name)
    message = str(error.value)
    assert "npz:FILE, folder:DIR, or the name of any image-classification set of TFDS" in message
    assert f"Received: {name!r}" in message and "\n" not in message
    assert ("mnist" in message) == ("mn" in name)


def test_not_prepared(tmp_path):
    with pytest.raises(ValueError, match="mnist is not prepared in .*`data_dir`.*`download`"):
        load(tmp_path, "mnist")


def test_download_that_fails(tmp_path, monkeypatch):

    def fail(self):
        raise RuntimeError("no network\nat all")

    monkeypatch.setattr(tfds.core.DatasetBuilder, "download_and_prepare", fail)
    with pytest.raises(OSError,
                       match="could not be downloaded and prepared: RuntimeError: no netw"):
        load(tmp_path, "mnist", download=True)
