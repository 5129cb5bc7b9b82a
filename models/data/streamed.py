"""Inputs that are read a few rows at a time: arrays, and images that stay on disk."""
from collections.abc import Iterator
import math

import numpy as np

# Rows that are read at a time: enough to make the cost of a call negligible, and fewer if they
# would take more bytes than this.
_ROWS = 1024
_BYTES = 2**24


def rows_at_once(shape: tuple[int, ...]) -> int:
    """Returns the number of rows of a shape that are read, and given to a model, at a time.

    It is 1,024, or the number that takes 16 MiB in float32 if that is lower.
    """
    return max(1, min(_ROWS, _BYTES // max(1, 4 * math.prod(shape))))


def chunks(rows: "Inputs", first: int = 0) -> Iterator[np.ndarray]:
    """Yields the rows from `first` on in arrays of a bounded size."""
    step = rows_at_once(rows.shape[1:])
    for start in range(first, len(rows), step):
        yield rows[start:start + step]


class StreamedImages:
    """Images that are stored as bytes on disk and read as float32 in `[0, 1]`.

    They are used like an array. `x[rows]` reads the rows that a slice, integers or booleans select;
    `x.take(rows)` selects rows and reads nothing. Only `x[:]` reads all of them: NumPy's functions,
    which would read them unasked, are refused.

    Args:
        stored: uint8 array `[n, height, width, channels]`, usually a memory map.
        rows: The places of the images in `stored`, in order. Defaults to `None`: all.

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
        raise TypeError(
            "StreamedImages are not converted to an array implicitly. Use x[:] to read all of them")

    def take(self, rows: np.ndarray, axis: int = 0) -> "StreamedImages":
        """Returns the images at these places, in that order, like `numpy.ndarray.take`."""
        if axis != 0:
            raise ValueError(f"axis must be 0, the axis of the rows. Received: axis={axis}")
        return StreamedImages(self._stored, self._rows[rows])

    def min(self) -> np.float32:
        """Returns the lowest value."""
        return min(chunk.min() for chunk in chunks(self))

    def max(self) -> np.float32:
        """Returns the highest value."""
        return max(chunk.max() for chunk in chunks(self))


# Many rows; a consumer reads only the ones that it needs.
Inputs = np.ndarray | StreamedImages
