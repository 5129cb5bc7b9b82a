"""Data sets by name: scikit-learn's digits, the user's own files, and TFDS.

To add a data set, write a function that returns a `Dataset`, in a file of its own, and call it in
`load`.
"""
import dataclasses
import os

from models.data import folder
from models.data import npz
from models.data import tfds
from models.data.dataset import Dataset
from revsig_keras.arguments import check_boolean
from revsig_keras.arguments import check_integer
from revsig_keras.options import option

# The forms of names of data sets.
_FORMS = "digits, npz:FILE, folder:DIR, or the name of any image-classification set of TFDS"


def _height_width(values):
    """Parses `["8", "8"]`."""
    if len(values) != 2 or not all(value.isdecimal() and int(value) > 0 for value in values):
        raise ValueError("`image_size` must be HEIGHT,WIDTH in pixels. "
                         f"Received: {','.join(values)!r}")
    return tuple(map(int, values))


def _checked_size(size):
    if len(size) != 2:
        raise ValueError(f"`image_size` must be a pair (height, width). Received: {size}")
    return tuple(check_integer("image_size", side, least=1) for side in size)


@dataclasses.dataclass(frozen=True)
class DataConfig:
    """The data set of an experiment and its split.

    Attributes:
        dataset, data_dir, download, image_size, cache_dir: See `load`.
        split_seed: See `models.data.splits.split`.
    """
    dataset: str = option(
        "digits",
        "The data set: 'digits' (1,797 handwritten digits, no download), 'npz:FILE' (your own file "
        "with x, uint8 or float inputs of any shape, and y, labels from 0 up; with x_test and "
        "y_test, an official test split; with groups and groups_test, rows that stay together, "
        "such as those of one patient), 'folder:DIR' (a folder of images for each class; they stay "
        "on disk), or the name of any image-classification set of TFDS, such as 'mnist'. Equal "
        "rows stay together in any case.")
    data_dir: str | os.PathLike | None = option(
        None, "Where TFDS has its data. Default: the environment variable TFDS_DATA_DIR, or TFDS' "
        "own default.",
        kind=str,
        parse=os.path.expanduser,
        affects_results=False)
    download: bool = option(
        False,
        "Whether TFDS may download and prepare a data set that is not there yet.",
        affects_results=False)
    image_size: tuple[int, int] | None = option(
        None, "HEIGHT,WIDTH to which the images of a TFDS set or a folder: are resized. Default: "
        "as they are.",
        parse=_height_width)
    split_seed: int = option(
        0, "The seed that divides the data between victim, thief and evaluator. It is recorded "
        "with the victim: victim and thief must be given the same.")
    cache_dir: str | os.PathLike | None = option(
        None, "Where the images of a folder: data set are kept once they are decoded, for all "
        "later runs. Default: $XDG_CACHE_HOME/revsig_keras, or ~/.cache/revsig_keras.",
        kind=str,
        parse=os.path.expanduser,
        affects_results=False)

    def __post_init__(self):
        object.__setattr__(self, "split_seed", check_integer("split_seed", self.split_seed,
                                                             least=0))
        check_boolean("download", self.download)
        for name in ("data_dir", "cache_dir"):
            if getattr(self, name) is not None:
                object.__setattr__(self, name, os.fspath(getattr(self, name)))
        if self.image_size is not None:
            object.__setattr__(self, "image_size", _checked_size(self.image_size))

    def load(self) -> Dataset:
        """Loads the data set."""
        return load(self.dataset, self.data_dir, self.download, self.image_size, self.cache_dir)


def load(name: str,
         data_dir: str | None = None,
         download: bool = False,
         image_size: tuple[int, int] | None = None,
         cache_dir: str | None = None) -> Dataset:
    """Loads a data set.

    Args:
        name: `"digits"`: scikit-learn's 1,797 handwritten digits of 8 x 8 pixels, which need no
            download. `"npz:FILE"`: a NumPy file, see `models.data.npz`. `"folder:DIR"`: a folder
            per class, in the order of their names, with its images (JPEG, PNG, BMP, or the first
            image of a GIF), with one channel if all are grey, else with three; they stay on disk,
            as `StreamedImages`. Any other name: an image-classification set of TensorFlow Datasets
            (TFDS), such as `"mnist"`.
        data_dir: The data directory of TFDS. Defaults to `None`: the environment variable
            `TFDS_DATA_DIR`, or TFDS' own default.
        download: Whether TFDS may download and prepare a missing data set. Defaults to `False`.
        image_size: The pair (height, width) to which the images of a TFDS set or of folders are
            resized; images of folders stay bytes. Defaults to `None`: they are not resized.
        cache_dir: The directory of decoded images of folders. Defaults to `None`: `revsig_keras` in
            the directory that the environment variable `XDG_CACHE_HOME` names, or in `~/.cache`.

    Returns:
        A `Dataset`. All images have values in `[0, 1]`.
    """
    if name.startswith("folder:"):
        return folder.load(name, image_size, cache_dir)
    if name == "digits" or name.startswith("npz:"):
        if image_size is not None:
            raise ValueError(
                "`image_size` must be given for folder: and TFDS data sets only. Received: "
                f"image_size={image_size} for {name}")
        return _load_digits() if name == "digits" else npz.load(name)
    return tfds.load(name, data_dir, download, image_size, _FORMS)


def _load_digits():
    from sklearn import datasets

    digits = datasets.load_digits()
    return Dataset("digits", (digits.images[..., None] / 16).astype("float32"),
                   digits.target.astype("int64"), 10, (0.0, 1.0))
