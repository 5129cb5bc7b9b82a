"""Images in the shape that a model takes."""
import numpy as np
import tensorflow as tf

_BATCH = 1024
# Rec. 601: what red, green and blue add to the brightness that is seen.
_LUMINANCE = np.array([0.299, 0.587, 0.114], np.float32)


def resize(images: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Images `[n, height, width, channels]` of values in `[0, 1]` resized to `size` (height, width)
    by bilinear interpolation, antialiased; those that have it already are kept as they are."""
    if images.shape[1:3] == tuple(size):
        return images
    resized = np.empty((len(images), *size, images.shape[3]), np.float32)
    for start in range(0, len(images), _BATCH):
        batch = tf.image.resize(images[start:start + _BATCH], size, antialias=True)
        resized[start:start + _BATCH] = tf.clip_by_value(batch, 0, 1)
    return resized


def with_channels(images: np.ndarray, channels: int) -> np.ndarray:
    """Images `[n, height, width, 1 or 3]` with 1 or 3 channels: grey is the luminance of colours,
    and is repeated to make them.

    Raises:
        ValueError: If either number of channels is another one.
    """
    if not {images.shape[-1], channels} <= {1, 3}:
        raise ValueError("Images must have 1 or 3 channels, to be made of 1 or 3. Received: "
                         f"{images.shape[-1]} channels, to be made {channels}")
    if images.shape[-1] == channels:
        return images
    if channels == 3:
        return np.repeat(images, 3, axis=-1)
    return (images @ _LUMINANCE)[..., None]
