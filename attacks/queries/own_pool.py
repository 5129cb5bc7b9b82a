"""A thief's own pool, in a NumPy file or a folder of images."""

import hashlib
import os
from typing import NamedTuple

import numpy as np

from models.data import folder
from models.data import loading
from models.data.loading import DataConfig
from revsig_keras.files.arrays import load_npz

# Pools that are no paths, even where a folder is called like that.
_NAMES = ("photos", "digits")


class Found(NamedTuple):
    """What was found in a file or folder.

    Attributes:
        values: Array `[rows, ...]`, float32.
        classes: Array `[rows]` of labels, or None if there are none.
        fingerprint: SHA-256 of the values as stored, in hexadecimal, or None.
        is_unit: Whether values are in [0, 1], to be mapped to the range of the victim's inputs.
    """
    values: np.ndarray
    classes: np.ndarray | None
    fingerprint: str | None
    is_unit: bool


def is_own(name: str) -> bool:
    """Returns whether the name of a pool is the path of a NumPy file or of a folder."""
    return name.endswith(".npz") or (name not in _NAMES and os.path.isdir(name))


def read(name: str, shape: tuple[int, ...], input_range: tuple[float, float],
         data: DataConfig | None) -> Found:
    """Reads a pool.

    Args:
        name: `FILE.npz` with inputs `x`, of uint8 or of floats in the range of the victim's inputs,
            and with or without labels `y`; or a folder with images, or with a folder of images per
            class.
        shape: The shape of one of the victim's inputs.
        input_range: Their lowest and highest value.
        data: Where decoded images are kept, or None for the default place.

    Raises:
        ValueError: If it cannot be read, or does not fit the victim.
    """
    if name.endswith(".npz"):
        return _read_npz(name, shape, input_range)
    if len(shape) != 3:
        raise ValueError(f"`pool` must be a .npz file with inputs of shape {shape}, which are no "
                         f"images. Received: {name}, a folder")
    try:
        return _read_folder(name, shape[:2], data and data.cache_dir)
    except ValueError as error:
        raise ValueError("`pool` must be a .npz file or a folder of images. "
                         f"Received: {name} ({error})") from error


def _read_folder(name, size, cache_dir):
    if sum(entry.is_dir() and not entry.name.startswith(".") for entry in os.scandir(name)) > 1:
        dataset = loading.load(f"folder:{name}", image_size=size, cache_dir=cache_dir)
        return Found(dataset.x[:], dataset.y, dataset.digest, True)
    images, fingerprint = folder.load_unlabelled(name, size, cache_dir)
    return Found(images[:], None, fingerprint, True)


def _read_npz(name, shape, input_range):
    arrays = load_npz(name, ["x"], ["y"], argument=f"`pool` {name}")
    x, y = arrays["x"], arrays.get("y")
    if x.dtype != np.uint8 and x.dtype.kind != "f" or not x.size:
        raise ValueError("`pool` must have inputs x of dtype uint8 or float, at least one. "
                         f"Received: {x.dtype} of shape {x.shape} in {name}")
    is_image = len(shape) == 3 and x.ndim == 4 and {shape[2], x.shape[3]} <= {1, 3}
    if x.shape[1:] != shape and not is_image:
        raise ValueError(f"`pool` must have inputs of the victim's shape {shape}, or images where "
                         f"these are images. Received: {x.shape[1:]} in {name}")
    if y is not None and (y.shape != (len(x),) or y.dtype.kind not in "iu"):
        raise ValueError("`pool` must have one whole number per row in y, or no y. Received: shape "
                         f"{y.shape} and dtype {y.dtype} in {name}")
    fingerprint = _digest(x, y)
    if x.dtype == np.uint8:
        return Found((x / 255).astype(np.float32), y, fingerprint, True)
    low, high = input_range
    if not low <= x.min() <= x.max() <= high:  # Nor are NaN.
        raise ValueError("`pool` must have floats in the range of the victim's inputs, from "
                         f"{low:g} to {high:g}. Received: {x.min():g} to {x.max():g} in {name}")
    if x.shape[1:] == shape:
        return Found(x.astype(np.float32), y, fingerprint, False)
    return Found(((x - low) / (high - low)).astype(np.float32), y, fingerprint, True)


def _digest(*arrays):
    digest = hashlib.sha256()
    for array in arrays:
        if array is not None:
            digest.update(f"{array.dtype.str}{array.shape}".encode())
            digest.update(np.ascontiguousarray(array))
    return digest.hexdigest()
