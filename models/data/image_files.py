"""Decodes the files of images."""
import io

import numpy as np
import tensorflow as tf

_ORIENTATION = 0x0112  # The tag of EXIF that tells how a camera was held.


def decode(path: tf.Tensor, size: tuple[int, int] | None) -> tf.Tensor:
    """Decodes an image in a graph of TensorFlow.

    Args:
        path: The path of the file, a string.
        size: The size (height, width) to which the image is resized. `None` keeps its own.

    Returns:
        Tensor `[height, width, channels]`, uint8, of one or three channels.
    """
    data = tf.io.read_file(path)
    image = tf.cond(_is_for_pillow(data), lambda: _by_pillow(data),
                    lambda: tf.io.decode_image(data, expand_animations=False))
    image = tf.ensure_shape(image, [None, None, None])
    image = image[..., :tf.where(tf.shape(image)[2] < 3, 1, 3)]  # Without transparency.
    if size is None:
        return image
    return tf.cond(tf.reduce_all(tf.shape(image)[:2] == size), lambda: image,
                   lambda: _resized(image, size))


def _is_for_pillow(data):
    """Whether Pillow must decode a file, since TensorFlow cannot, or decodes it wrongly.

    TensorFlow takes the indices into the palette of a bitmap for grey values, and leaves the
    photograph of a camera that was held upright on its side.
    """
    start = tf.strings.substr(data, 0, tf.minimum(tf.strings.length(data), 4096))
    first = tf.strings.substr(data, 0, tf.minimum(tf.strings.length(data), 4))
    other = tf.reduce_any(tf.stack([first == b"RIFF", first == b"II*\0", first == b"MM\0*"]))
    has_exif = tf.size(tf.strings.split(start, b"Exif")) > 1
    is_turned = (tf.strings.substr(first, 0, 2) == b"\xff\xd8") & has_exif
    return other | (tf.strings.substr(first, 0, 2) == b"BM") | is_turned


def _by_pillow(data):
    return tf.numpy_function(_decode_by_pillow, [data], tf.uint8, stateful=False)


def _decode_by_pillow(data):
    from PIL import Image
    from PIL import ImageOps

    with Image.open(io.BytesIO(data)) as image:
        turned = ImageOps.exif_transpose(image)
        if image.format == "JPEG" and turned.size == image.size and _is_upright(image):
            return tf.io.decode_image(data, expand_animations=False).numpy()
        pixels = np.asarray(turned.convert("L" if turned.mode in ("1", "L") else "RGB"))
    return pixels.reshape([*pixels.shape[:2], -1])


def _is_upright(image):
    return image.getexif().get(_ORIENTATION, 1) == 1


def _resized(image, size):
    resized = tf.round(tf.image.resize(image, size, antialias=True))
    return tf.cast(tf.clip_by_value(resized, 0, 255), tf.uint8)
