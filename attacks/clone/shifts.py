"""Shifts of images by whole pixels, for augmentation."""

import itertools

import numpy as np


def pixels(fraction: float, image_shape: tuple[int, ...]) -> int:
    """A fraction of an image's shorter side, rounded to pixels, at least one."""
    return max(1, round(fraction * min(image_shape[:2])))


def offsets(max_shift: int) -> list[tuple[int, int]]:
    """All shifts by up to `max_shift` pixels along both axes, except the shift by nothing."""
    reach = range(-max_shift, max_shift + 1)
    return [offset for offset in itertools.product(reach, reach) if any(offset)]


def shifted(image: np.ndarray, down: int, right: int) -> np.ndarray:
    """Moves an image `[height, width, channels]`; the pixels at its edge are repeated."""
    rows = np.clip(np.arange(image.shape[0]) - down, 0, image.shape[0] - 1)
    columns = np.clip(np.arange(image.shape[1]) - right, 0, image.shape[1] - 1)
    return image[rows][:, columns]


def check(fraction: float, copies: int, shape: tuple[int, ...], name: str) -> None:
    """Raises `ValueError` unless inputs of this shape have so many different shifts.

    Args:
        fraction: The largest shift as a fraction of the image's shorter side.
        copies: The number of shifted copies of each image.
        shape: Shape of one input.
        name: The member that shifts, for the message.
    """
    if len(shape) != 3:
        raise ValueError(f"`{name}` shifts images [height, width, channels]. Received: inputs of "
                         f"shape {shape}")
    most = len(offsets(pixels(fraction, shape)))
    if copies > most:
        raise ValueError(f"`copies` must be at most {most}, the shifts by up to "
                         f"{pixels(fraction, shape)} pixels. Received: {copies}")
