"""Images that stay on disk until they are used."""
from collections.abc import Iterator

import numpy as np

from models.data.chunks import chunks


class StreamedImages:
    """Images that are bytes on disk, and float32 in `[0, 1]` as they are read.

    They are used as an array is: `x[rows]` reads the rows of a slice, of integers or of booleans,
    `x.take(rows)` chooses rows and reads nothing. All of them are read by `x[:]` alone; NumPy's
    functions would do it unasked, and are refused.

    Args:
        stored: uint8 array `[n, height, width, channels]`, as a rule a memory map.
        rows: the places in it of the images, in their order. Defaults to `None`: all.

    Example:

    >>> images = StreamedImages(np.full((9, 2, 2, 1), 51, "uint8")).take([3, 0, 5])
    >>> images.shape, float(images[0].max()), images[1:].shape
    ((3, 2, 2, 1), 0.2, (2, 2, 2, 1))
    """
    dtype = np.dtype("float32")
    ndim = 4

    def __init__(self, stored: np.ndarray, rows: np.ndarray | None = None):
        self._stored = stored
        self._rows = np.arange(len(stored)) if rows is None else rows

    @property
    def shape(self) -> tuple[int, ...]:
        """`(n, height, width, channels)`."""
        return (len(self._rows), *self._stored.shape[1:])

    def __len__(self):
        return len(self._rows)

    def __getitem__(self, rows) -> np.ndarray:
        images = self._stored[self._rows[rows]].astype(np.float32)
        images /= np.float32(255)  # Rounded as TensorFlow does; a factor of 1/255 is not.
        return images

    def __iter__(self) -> Iterator[np.ndarray]:
        for chunk in chunks(self):
            yield from chunk

    def __array__(self, dtype=None, copy=None):
        raise TypeError("StreamedImages are not read all at once by accident. Use x[:] to do it")

    def take(self, rows: np.ndarray, axis: int = 0) -> "StreamedImages":
        """Some of the images, in the order of these places; as `numpy.ndarray.take` gives rows."""
        if axis != 0:
            raise ValueError(f"axis must be 0, that of the rows. Received: axis={axis}")
        return StreamedImages(self._stored, self._rows[rows])

    def min(self) -> np.float32:
        """The lowest value."""
        return min(chunk.min() for chunk in chunks(self))

    def max(self) -> np.float32:
        """The highest value."""
        return max(chunk.max() for chunk in chunks(self))


# What a consumer of many rows takes: it reads what it needs and never all at once.
Inputs = np.ndarray | StreamedImages
