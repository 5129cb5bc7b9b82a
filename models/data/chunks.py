"""Many rows, a part of them at a time."""
from collections.abc import Iterator
import math

import numpy as np

# Enough rows that a call costs nothing, and fewer where they would take more than this.
_ROWS = 1024
_BYTES = 2**24


def rows_at_once(shape: tuple[int, ...]) -> int:
    """How many rows of a shape are read, and given to a model, at a time: 1,024, or what is 16 MiB
    in float32 if that is less."""
    return max(1, min(_ROWS, _BYTES // max(1, 4 * math.prod(shape))))


def chunks(rows, first: int = 0) -> Iterator[np.ndarray]:
    """The rows of an array or of `StreamedImages`, from `first` on, in arrays of a bounded size."""
    step = rows_at_once(rows.shape[1:])
    for start in range(first, len(rows), step):
        yield rows[start:start + step]
