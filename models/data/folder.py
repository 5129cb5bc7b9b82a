"""Image data sets in folders, one folder per class; folders in it are read too."""
import collections
from collections.abc import Iterator
import dataclasses
import functools
import hashlib
import logging
import os
import pathlib
import sys
from typing import BinaryIO

import numpy as np
import tensorflow as tf
import tqdm

from models.data.dataset import Dataset
from models.data.groups import number_equal
from models.data.image_files import decode
from models.data.streamed import chunks
from models.data.streamed import StreamedImages
from models.processes.files import write_once

SUFFIXES = (".jpg", ".jpeg", ".jfif", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff")
# To be raised whenever the same files are decoded to other bytes.
_FORMAT = 2
_log = logging.getLogger(__name__)
_NAMED = 3  # Empty folders that an error message names.


def load(name: str, image_size: tuple[int, int] | None, cache_dir: str | None) -> Dataset:
    """Loads `folder:DIR`; see `models.data.loading.load`.

    The images are decoded once, into a file that later and parallel runs read. Its name is a hash
    of the names, sizes and times of the images, so that a changed folder is decoded again.
    """
    paths, labels, key = _find(name, image_size)
    cached = _directory(cache_dir) / f"{key}.npy"
    images = _decoded_once(cached, name, paths, image_size)
    numbers = cached.with_suffix(".equal_rows")
    write_once(numbers, lambda file: np.save(file, number_equal(images)))
    dataset = Dataset(name,
                      images,
                      labels,
                      int(labels[-1]) + 1, (0.0, 1.0),
                      known_numbers=_stored(numbers))
    known = cached.with_suffix(".fingerprint")
    write_once(known, lambda file: file.write(dataset.digest.encode()))
    return dataclasses.replace(dataset, known_digest=known.read_text())


def load_unlabelled(directory: str, image_size: tuple[int, int] | None,
                    cache_dir: str | None) -> tuple[StreamedImages, str]:
    """Loads the images of one folder, in the order of their names; see `load`.

    Returns:
        The images, and the SHA-256 of their pixels, in hexadecimal.
    """
    images, = _images(directory, [directory])
    if not images:
        raise ValueError(f"{directory} must have images ({', '.join(SUFFIXES)}). Received: none")
    key = hashlib.sha256(repr((_FORMAT, image_size)).encode())
    _identify(key, [("", directory, image) for image in images])
    cached = _directory(cache_dir) / f"{key.hexdigest()}.npy"
    stored = _decoded_once(cached, directory, images, image_size)
    known = cached.with_suffix(".fingerprint")
    write_once(known, lambda file: file.write(_digest(stored).encode()))
    return stored, known.read_text()


def _digest(images):
    digest = hashlib.sha256(repr(images.shape).encode())
    for chunk in chunks(images):
        digest.update(np.ascontiguousarray(chunk))
    return digest.hexdigest()


def _decoded_once(cached, name, paths, image_size):
    write_once(cached, lambda file: _write(file, name, paths, image_size))
    return StreamedImages(_stored(cached))


def _stored(path):
    """The array of a cached file; what is read of it is in memory, the rest stays on disk."""
    try:
        return np.load(path, mmap_mode="r").view(np.ndarray)
    except (ValueError, EOFError) as error:
        raise ValueError(f"{path} is damaged. Remove it, and the images are decoded "
                         "again") from error


def _directory(cache_dir):
    if cache_dir:
        return pathlib.Path(cache_dir)
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return pathlib.Path(base, "revsig_keras")


def _find(name, image_size):
    """Returns the paths of the images, ordered by class and name, their labels, and a hash."""
    directory = os.path.expanduser(name.removeprefix("folder:"))
    if not os.path.isdir(directory):
        raise ValueError(f"{name} must be an existing directory. Received: {directory!r}")
    classes = sorted(entry.name for entry in os.scandir(directory) if entry.is_dir())
    classes = [folder for folder in classes if not folder.startswith(".")]
    if len(classes) < 2:
        raise ValueError(f"{name} must have a folder for each of at least 2 classes. Received: "
                         f"{', '.join(classes) or 'no folder'}")
    found = _images(name, [os.path.join(directory, folder) for folder in classes])
    empty = [folder for folder, images in zip(classes, found) if not images]
    if empty:
        more = f" and {len(empty) - _NAMED} others" if len(empty) > _NAMED else ""
        raise ValueError(f"{name} must have images ({', '.join(SUFFIXES)}) in the folder of each "
                         f"class. Received: none in {', '.join(empty[:_NAMED])}{more}")
    key = hashlib.sha256(repr((_FORMAT, image_size)).encode())
    _identify(key, [(folder, os.path.join(directory, folder), image)
                    for folder, images in zip(classes, found)
                    for image in images])
    labels = np.repeat(np.arange(len(classes)), [len(images) for images in found])
    return [image for images in found for image in images], labels, key.hexdigest()


def _identify(key, images):
    """Adds the names, sizes and times of images, with those of their folders, to a hash."""
    for name, folder, image in images:
        status = os.stat(image)
        identity = name, os.path.relpath(image, folder), status.st_size, status.st_mtime_ns
        key.update(repr(identity).encode())


def _files(folder):
    """Returns the paths of all files in a folder and the folders in it, but for hidden ones."""
    found = []
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        found += [os.path.join(place, name) for name in names if not name.startswith(".")]
    return sorted(found)


def _images(name, folders):
    """Returns the paths of the images in each folder; a warning counts other files by suffix."""
    found, others = [], collections.Counter()
    for folder in folders:
        files = _files(folder)
        found.append([path for path in files if path.lower().endswith(SUFFIXES)])
        others.update(
            os.path.splitext(path)[1].lower() or "none"
            for path in files
            if not path.lower().endswith(SUFFIXES))
    if others:
        counts = ", ".join(f"{suffix} ({count})" for suffix, count in sorted(others.items()))
        _log.warning("%s: %d files are no images and are passed over, by suffix: %s", name,
                     others.total(), counts)
    return found


def _write(file: BinaryIO, name, paths, size) -> None:
    """Writes a NumPy file of all images, with one channel if all are grey, else with three."""
    for channels in (1, 3):
        file.seek(0)
        file.truncate()
        if _is_written(file, name, paths, size, channels):
            return


def _is_written(file, name, paths, size, channels):
    """Writes the images up to the first that needs more channels; returns whether none does."""
    shape = None
    for path, image in zip(paths, _decoded(name, paths, size), strict=True):
        if image.shape[2] > channels:
            return False
        if shape is None:
            shape = image.shape[:2]
            _write_header(file, (len(paths), *shape, channels))
        if image.shape[:2] != shape:
            raise ValueError(
                f"{name} must have images of one size, or image_size (height, width) must be "
                f"given, to resize them. Received: {shape} in {paths[0]}, {image.shape[:2]} in "
                f"{path}")
        file.write(np.repeat(image, channels // image.shape[2], axis=2))
    return True


def _write_header(file, shape):
    header = {"descr": "|u1", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, header)


def _decoded(name, paths, size) -> Iterator[np.ndarray]:
    """Yields the images in order, uint8, with one or three channels each."""
    files = tf.data.Dataset.from_tensor_slices([os.fsencode(path) for path in paths])
    images = files.map(functools.partial(decode, size=size), tf.data.AUTOTUNE).prefetch(1)
    with tqdm.tqdm(total=len(paths),
                   desc=f"decoding {name}",
                   unit="image",
                   file=sys.stderr,
                   delay=2,
                   mininterval=0.2 if sys.stderr.isatty() else 15) as bar:
        done = 0
        try:
            for image in images.as_numpy_iterator():
                yield image
                done += 1
                bar.update()
        except tf.errors.OpError as error:
            raise ValueError(
                f"{name} must have images that can be read and decoded. Received: {paths[done]} "
                f"({type(error).__name__})") from error
