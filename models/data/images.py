"""Conversion of images to the size and the channels that a model takes."""
import numpy as np
import tensorflow as tf

_BATCH = 1024
# The weights of red, green and blue in the luminance, by Rec. 601.
_LUMINANCE = np.array([0.299, 0.587, 0.114], np.float32)


def resize(images: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Resizes images by antialiased bilinear interpolation; images of that size are returned.

    Args:
        images: Array `[n, height, width, channels]` of values in `[0, 1]`.
        size: The pair (height, width).
    """
    if images.shape[1:3] == tuple(size):
        return images
    resized = np.empty((len(images), *size, images.shape[3]), np.float32)
    for start in range(0, len(images), _BATCH):
        batch = tf.image.resize(images[start:start + _BATCH], size, antialias=True)
        resized[start:start + _BATCH] = tf.clip_by_value(batch, 0, 1)
    return resized


def with_channels(images: np.ndarray, channels: int) -> np.ndarray:
    """Converts images between 1 and 3 channels: colours to their luminance, grey by repetition.

    Args:
        images: Array `[n, height, width, channels]`.
        channels: The number of channels of the result.

    Raises:
        ValueError: If either number of channels is neither 1 nor 3.
    """
    if not {images.shape[-1], channels} <= {1, 3}:
        raise ValueError("images must have 1 or 3 channels and be converted to 1 or 3. Received: "
                         f"{images.shape[-1]} channels, to be converted to {channels}")
    if images.shape[-1] == channels:
        return images
    if channels == 3:
        return np.repeat(images, 3, axis=-1)
    return (images @ _LUMINANCE)[..., None]
