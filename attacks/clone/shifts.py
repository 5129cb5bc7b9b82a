"""Shifts of images by whole pixels, as a thief augments with them."""

import itertools

import numpy as np


def pixels(share: float, image_shape: tuple[int, ...]) -> int:
    """A share of an image's shorter side, rounded to pixels, at least one."""
    return max(1, round(share * min(image_shape[:2])))


def offsets(max_shift: int) -> list[tuple[int, int]]:
    """All shifts by up to `max_shift` pixels along both axes, but the one that moves nothing."""
    reach = range(-max_shift, max_shift + 1)
    return [offset for offset in itertools.product(reach, reach) if any(offset)]


def shifted(image: np.ndarray, down: int, right: int) -> np.ndarray:
    """Moves an image `[height, width, channels]`; what comes in repeats the edge."""
    rows = np.clip(np.arange(image.shape[0]) - down, 0, image.shape[0] - 1)
    columns = np.clip(np.arange(image.shape[1]) - right, 0, image.shape[1] - 1)
    return image[rows][:, columns]


def check(share: float, copies: int, shape: tuple[int, ...], who: str) -> None:
    """Raises `ValueError` unless there are so many different shifts of inputs of this shape."""
    if len(shape) != 3:
        raise ValueError(f"`{who}` shifts images [height, width, channels]. Received: inputs of "
                         f"shape {shape}")
    most = len(offsets(pixels(share, shape)))
    if copies > most:
        raise ValueError(f"`copies` must be at most {most}, the shifts by up to "
                         f"{pixels(share, shape)} pixels. Received: {copies}")
