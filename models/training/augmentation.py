"""Random changes of images that leave their targets alone."""
from collections.abc import Callable
import dataclasses
import math

import numpy as np
import tensorflow as tf

from revsig_keras.arguments import check_boolean
from revsig_keras.arguments import check_integer
from revsig_keras.arguments import is_real

# What is drawn for an image: pixels down and to the right, whether it is mirrored, the angle in
# radians, and the row and the column of the centre of the square that is cut out.
DRAWN = 6
_NO_CENTRE = -1e6


@dataclasses.dataclass(frozen=True)
class Augmentation:
    """What each training step may do to each image: mirror it, turn it and cut a square out of it.

    The changes follow the random shift, in this order. Shifts are numbers of the `TrainingPlan`.

    Attributes:
        flip: Whether half of the images are mirrored, left to right.
        rotation: The largest angle, in degrees, by which images are turned either way about their
            centre; bilinear, with the pixels at the edges repeated.
        cutout: The side in pixels of the square that is replaced by the mean of the image. Its
            centre is any pixel, so that part of it may lie outside (DeVries and Taylor, arXiv
            1708.04552, whose images have a mean of 0).
    """
    flip: bool = False
    rotation: float = 0.0
    cutout: int = 0

    def __post_init__(self):
        check_boolean("flip", self.flip)
        check_integer("cutout", self.cutout, least=0)
        if not is_real(self.rotation) or not 0 <= self.rotation <= 180:
            raise ValueError("`rotation` must be an angle from 0 to 180 degrees. "
                             f"Received: {self.rotation}")

    def __bool__(self):
        return self != Augmentation()

    def function(self, shifted: bool) -> Callable[[tf.Tensor, tf.Tensor], tf.Tensor] | None:
        """The function of images and their draws that changes them, `None` if nothing does.

        Args:
            shifted: Whether it shifts them first.
        """
        changes: list[Callable] = []
        if shifted:
            changes.append(shift_images)
        if self.rotation:
            changes.append(_turn)
        if self.flip:
            changes.append(_mirror)
        if self.cutout:
            changes.append(lambda images, drawn: _cut(images, drawn, self.cutout))
        if not changes:
            return None

        def change(images, drawn):
            for each in changes:
                images = each(images, drawn)
            return images

        return change


class Draws:
    """Draws what happens to the images, each kind of change from a stream of its own.

    Args:
        augmentation: The changes.
        max_shift: The largest shift in pixels.
        image_shape: The shape of an input; only that of images can be augmented.
        seed: An integer.
    """

    def __init__(self, augmentation: Augmentation, max_shift: int, image_shape: tuple[int, ...],
                 seed: int):
        self._augmentation, self._max_shift = augmentation, max_shift
        self._image_shape = image_shape
        # Stream 0 is that of the order of the rows.
        self._shift, self._flip, self._angle, self._centre = (
            np.random.default_rng([seed, stream]) for stream in range(1, 5))

    def take(self, shape: tuple[int, ...]) -> np.ndarray:
        """Returns what is drawn for so many images, float32, `[*shape, DRAWN]`."""
        augmentation, drawn = self._augmentation, np.zeros([*shape, DRAWN], "float32")
        drawn[..., 4:] = _NO_CENTRE
        if self._max_shift:
            drawn[..., :2] = self._shift.integers(-self._max_shift, self._max_shift + 1,
                                                  [*shape, 2])
        if augmentation.flip:
            drawn[..., 2] = self._flip.integers(0, 2, shape)
        if augmentation.rotation:
            most = math.radians(augmentation.rotation)
            drawn[..., 3] = self._angle.uniform(-most, most, shape)
        if augmentation.cutout:
            drawn[..., 4:] = self._centre.integers(0, self._image_shape[:2], [*shape, 2])
        return drawn


def shift_images(images: tf.Tensor, drawn: tf.Tensor) -> tf.Tensor:
    """Moves each image down and to the right by whole pixels, repeating the pixels at the edge.

    Args:
        images: Tensor of shape `[n, height, width, channels]`.
        drawn: Tensor of shape `[n, 2 or more]`: pixels down, pixels to the right.

    Returns:
        A tensor of the shape of `images`.
    """
    shifts = tf.cast(drawn[:, :2], "int32")
    for axis in (1, 2):
        size = tf.shape(images)[axis]
        sources = tf.clip_by_value(tf.range(size) - shifts[:, axis - 1, None], 0, size - 1)
        images = tf.gather(images, sources, axis=axis, batch_dims=1)
    return images


def _mirror(images, drawn):
    return tf.where(drawn[:, 2, None, None, None] > 0.5, images[:, :, ::-1], images)


def _turn(images, drawn):
    """Each pixel of the turned image is the bilinear mean of four pixels of the image."""
    height, width = images.shape[1:3]
    rows, columns = (tf.range(size, dtype="float32") - (size - 1) / 2 for size in (height, width))
    rows, columns = rows[None, :, None], columns[None, None, :]
    cosine, sine = (function(drawn[:, 3])[:, None, None] for function in (tf.cos, tf.sin))
    sources = (cosine * rows - sine * columns, sine * rows + cosine * columns)
    places = [tf.clip_by_value(source + (size - 1) / 2, 0, size - 1)
              for source, size in zip(sources, (height, width))]  # yapf: disable
    flat = tf.reshape(images, [-1, height * width, images.shape[3]])
    floors = [tf.floor(place) for place in places]
    turned = tf.zeros_like(images)
    for down in (0, 1):
        for right in (0, 1):
            row, column = (tf.minimum(floor + step, size - 1.0)
                           for floor, step, size in zip(floors, (down, right), (height, width)))
            weight = (_closeness(places[0], floors[0], down) *
                      _closeness(places[1], floors[1], right))
            pixels = tf.cast(row * width + column, "int32")
            turned += weight[..., None] * tf.gather(flat, pixels, axis=1, batch_dims=1)
    return turned


def _closeness(place, floor, step):
    return place - floor if step else 1 - (place - floor)


def _cut(images, drawn, side):
    """The square begins at `centre - side // 2`."""
    starts = drawn[:, 4:] - side // 2
    inside = []
    for axis, size in enumerate(images.shape[1:3]):
        distance = tf.range(size, dtype="float32")[None, :] - starts[:, axis, None]
        inside.append(tf.logical_and(distance >= 0, distance < side))
    is_cut = tf.logical_and(inside[0][:, :, None], inside[1][:, None, :])[..., None]
    return tf.where(is_cut, tf.reduce_mean(images, axis=[1, 2], keepdims=True), images)
