"""Where the answers of a victim come from."""
from collections.abc import Callable
import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True, eq=False)
class Source:
    """A model of any origin, as a function.

    Attributes:
        name: What results call it.
        kind: What it is, `keras`, `saved_model` or `function`.
        answer: From a batch of its inputs `[n, ...]` to its output, of any shape and dtype.
        digest: The SHA-256 of its files, in hexadecimal.
        input_shape: The shape of one input, `None` for a size that may vary; `None` if not known.
        input_dtype: The dtype of its inputs.
        rows: The only number of rows that it takes at a time, or `None` for any.
    """
    name: str
    kind: str
    answer: Callable[[np.ndarray], np.ndarray]
    digest: str
    input_shape: tuple[int | None, ...] | None = None
    input_dtype: np.dtype = np.dtype(np.float32)
    rows: int | None = None
