"""The image-classification sets of TensorFlow Datasets (TFDS)."""
import contextlib
import difflib
import logging as python_logging
import sys

from absl import logging
import numpy as np
import tensorflow as tf

from models.data.dataset import Dataset
from revsig_keras.errors import first_line


def load(name: str, data_dir: str | None, download: bool, image_size: tuple[int, int] | None,
         forms: str) -> Dataset:
    """Loads an image-classification set of TFDS; see `models.data.loading.load`.

    The rows outside the test split are TFDS' split train. The test split is TFDS' split test, or
    its split validation if there is no usable test.

    Args:
        name, data_dir, download, image_size: See there.
        forms: The forms of names of data sets, for the error message of an unknown name.
    """
    import tensorflow_datasets as tfds  # Slow, so only where it is needed.

    with _quiet(tfds):
        builder = _prepared_builder(tfds, name, data_dir, download, forms)
        _check_features(tfds, name, builder.info.features, image_size)
        splits = builder.info.splits
        if "train" not in splits:
            raise ValueError(f"The data set {name} must have a split train. Received: "
                             f"{', '.join(splits)}")
        num_classes = builder.info.features["label"].num_classes
        x, y = _read(tfds, builder, "train", image_size)
        for test in [split for split in ("test", "validation") if split in splits]:
            test_x, test_y = _read(tfds, builder, test, image_size)
            # Some sets keep the labels of their test split secret and have -1 instead.
            if test_y.min() >= 0:
                return Dataset(name, x, y, num_classes, (0.0, 1.0), test_x, test_y)
        return Dataset(name, x, y, num_classes, (0.0, 1.0))


def _check_features(tfds, name, features, image_size):
    features = dict(features.items()) if isinstance(features, tfds.features.FeaturesDict) else {}
    if not (isinstance(features.get("image"), tfds.features.Image) and
            isinstance(features.get("label"), tfds.features.ClassLabel)):
        raise ValueError(f"The data set {name} must have an image and one class label per row. "
                         f"Received: features {', '.join(sorted(features)) or 'without names'}")
    shape = features["image"].shape
    if None in shape[:2] and image_size is None:
        raise ValueError(
            f"The data set {name} must have images of one size, or image_size (height, "
            f"width) must be given, to resize them. Received: images of shape {shape}")


def _prepared_builder(tfds, name, data_dir, download, forms):
    try:
        builder = tfds.builder(name, data_dir=data_dir)
    except Exception as error:  # TFDS passes on the errors of its dependencies.
        close = difflib.get_close_matches(
            name, ["digits", *tfds.list_builders(with_community_datasets=False)])
        hint = f" (close: {', '.join(close)})" if close else ""
        raise ValueError(f"`dataset` must be {forms}{hint}. Received: {name!r}") from error
    if not builder.is_prepared():
        if not download:
            raise ValueError(
                f"The data set {name} is not prepared in {builder.data_path}: `data_dir` "
                "must be where it is, or `download` must allow its download.")
        try:
            with contextlib.redirect_stdout(sys.stderr):
                builder.download_and_prepare()
        except Exception as error:
            raise OSError(f"The data set {name} could not be downloaded and prepared: "
                          f"{first_line(error)}") from error
    return builder


def _read(tfds, builder, split, image_size):
    """Returns the images of a split, float32 in `[0, 1]`, and their labels, in file order."""
    feature = builder.info.features["image"]
    dtype = tf.as_dtype(feature.np_dtype)
    highest = dtype.max if dtype.is_integer else 1
    is_resized = image_size is not None and feature.shape[:2] != image_size

    def convert(rows):
        images = tf.cast(rows["image"], "float32") / highest
        if is_resized:
            images = tf.image.resize(images, image_size, antialias=True)
        return tf.clip_by_value(images, 0, 1), rows["label"]

    only = tfds.decode.PartialDecoding({"image": True, "label": True})
    rows = builder.as_dataset(split=split, shuffle_files=False, decoders=only)
    if is_resized:  # One by one, because they may differ in size.
        batches = rows.map(convert, num_parallel_calls=tf.data.AUTOTUNE).batch(1024)
    else:
        batches = rows.batch(1024).map(convert)
    x, y = (np.concatenate(parts) for parts in zip(*batches.as_numpy_iterator()))
    return x, y.astype("int64")


@contextlib.contextmanager
def _quiet(tfds):
    """Suppresses TFDS' progress bars and log, unless the verbosity is that of debugging."""
    tfds.disable_progress_bar()
    # Downloads that were given up continue to retry, and to warn, in their own threads.
    python_logging.getLogger("urllib3").setLevel(python_logging.ERROR)
    verbosity = logging.get_verbosity()
    if verbosity < logging.DEBUG:
        logging.set_verbosity(logging.ERROR)
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
