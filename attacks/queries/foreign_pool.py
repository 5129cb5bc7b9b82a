"""Images of another data set as inputs for the victim."""

from collections.abc import Sequence
import dataclasses
import logging
import os

import numpy as np

from attacks.queries import own_pool
from models.data import loading
from models.data import photos
from models.data.groups import number_equal
from models.data.images import resize
from models.data.images import with_channels
from models.data.loading import DataConfig
from models.data.streamed import Inputs

_LOG = logging.getLogger(__name__)

# The largest fraction of images that a foreign pool may share with the victim's data. Different
# data sets share hardly any, such as an empty image.
_LARGEST_SHARED = 0.01


@dataclasses.dataclass(frozen=True, eq=False)
class ForeignPool:
    """Images of a data set other than the victim's, without duplicates.

    Attributes:
        inputs: Array `[rows, ...]`, float32, of the victim's input shape and range.
        classes: Array `[rows]`, the labels of that data set, which tell nothing of the victim's
            task, or None if it has no labels.
        fingerprint: The SHA-256 of a pool in the user's own files, in hexadecimal, else None.
    """
    inputs: np.ndarray
    classes: np.ndarray | None
    fingerprint: str | None = None


def load(name: str,
         own: Inputs,
         input_range: tuple[float, float],
         data: DataConfig | None,
         others: Sequence[Inputs] = ()) -> ForeignPool:
    """Loads another data set and converts its images into inputs.

    The images are resized, converted to the number of channels, and mapped from `[0, 1]` to the
    range of the inputs. The test split of the data set is left out, and so are images that the
    victim or the evaluator has; a warning tells their number.

    Args:
        name: `photos` for patches of photographs, see `models.data.photos`; `digits` or an
            image-classification set of TFDS, see `models.data.loading.load`; a .npz file or a
            folder of images, see `attacks.queries.own_pool`. `~` is the home directory.
        own: Inputs `[rows, ...]` of the victim's domain, whose shape the images get.
        input_range: The lowest and the highest value of an input.
        data: The victim's data set and where data sets are, or None if not known.
        others: The inputs of the victim and of the evaluator. Defaults to `()`: not known.

    Raises:
        ValueError: If the victim does not take such inputs, if there is no such data set, or if it
            is the victim's own, by its name or by its images: the thief would have the true labels.
    """
    name = os.path.expanduser(name)
    if _is_same(name, data):
        raise _same_data(name)
    shape = own.shape[1:]
    found = own_pool.read(name, shape, input_range, data) if own_pool.is_own(name) else _read(
        name, shape, data)
    inputs = _as_inputs(found.values, shape, input_range) if found.is_unit else found.values
    rows = _free_rows(name, inputs, own, others)
    classes = None if found.classes is None else found.classes[rows]
    return ForeignPool(inputs[rows], classes, found.fingerprint)


def _free_rows(name, inputs, own, others):
    """The places of the images that neither the victim nor the evaluator has, each image once."""
    found = number_equal(inputs, own, *others)
    numbers, rows = np.unique(found[:len(inputs)], return_index=True)
    known = found[len(inputs):]
    if np.isin(numbers, known).mean() > _LARGEST_SHARED:
        raise _same_data(name)
    is_taken = np.isin(numbers, known[len(own):])
    if is_taken.any():
        _LOG.warning("The pool %s: %s images are left out, which the victim or the evaluator has.",
                     name, f"{is_taken.sum():,}")
    return rows[~is_taken]


def _as_inputs(images, shape, input_range):
    """Maps values in [0, 1] to inputs; images get their size and channels."""
    low, high = input_range
    if images.shape[1:] != shape:
        images = with_channels(resize(images, shape[:2]), shape[2])
    scaled = low + images * np.float32(high - low)
    return np.clip(scaled, low, high).astype(np.float32)


def _is_same(name, data):
    """Whether a pool is the victim's own data set, by its name or its path."""
    if data is None:
        return False
    if not own_pool.is_own(name):
        return _base(name) == _base(data.dataset)
    kind, colon, path = data.dataset.partition(":")
    is_file = bool(colon) and kind in ("npz", "folder")
    return is_file and os.path.realpath(os.path.expanduser(path)) == os.path.realpath(name)


def _same_data(name):
    return ValueError("`pool` must be another data set than the victim's, as no thief has its true "
                      f"labels or the rows by which it is measured. Received: {name}")


def _base(name):
    """The name of a data set without the configuration and version of TFDS."""
    return name.lower().split("/")[0].split(":")[0]


def _read(name, shape, data):
    """Reads the images of a data set with a name."""
    if len(shape) != 3 or shape[2] not in (1, 3):
        raise ValueError("`pool` must be own where the inputs are no images [height, width, 1 or 3 "
                         "channels], or a .npz file of such inputs. "
                         f"Received: {name} for inputs of shape {shape}")
    size = shape[:2]
    if name == "photos":
        return own_pool.Found(photos.patches(size), None, None, True)
    where = (data.data_dir, data.download) if data else ()
    try:
        dataset = loading.load(name, *where, image_size=None if name == "digits" else size)
    except ValueError as error:
        raise ValueError(
            "`pool` must be photos, digits, or an image-classification set of TFDS, "
            f"or a .npz file or a folder of images. Received: {name} ({error})") from error
    return own_pool.Found(dataset.x, dataset.y, None, True)
