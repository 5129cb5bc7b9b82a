"""The first or the largest entries of rows, and lookups by their indices.

On TensorFlow each is one of its own operations, where Keras makes several: the time that a small
batch takes grows with their number.
"""
import keras
from keras import ops
import numpy as np

from revsig_keras.defences.numerics.probabilities import row_max
from revsig_keras.defences.numerics.probabilities import row_min
from revsig_keras.defences.numerics.probabilities import Tensor

# Up to so many classes, a table of classes by classes is small: 64 kB in float32.
FEW = 128


def is_largest(y: Tensor) -> Tensor:
    """Marks the entries that equal the largest one of their row."""
    return ops.equal(y, row_max(y))


def first_marked(marked: Tensor) -> Tensor:
    """Marks the first of the marked entries of each row."""
    return ops.equal(_indices(marked), _first_index(marked))


def first_of_largest(y: Tensor) -> Tensor:
    """Returns the index of the first of the largest entries of each row, `(...)`.

    In a row with a NaN it may be any, or the number of entries.
    """
    if keras.backend.backend() != "tensorflow":
        return ops.squeeze(_first_index(is_largest(y)), -1)
    import tensorflow as tf

    # Keras' own takes -0 for less than 0. TensorFlow documents nothing of equal entries, but its
    # kernels for processors and GPUs, XLA, LiteRT and ONNX Runtime take the first.
    return tf.argmax(y, axis=-1)


def distance_from(index: Tensor, classes: int, dtype: str) -> Tensor:
    """Returns 0 at the index of each row, and 1 elsewhere, `(..., classes)`."""
    if classes <= FEW:
        return gather(ops.convert_to_tensor(1.0 - np.eye(classes), dtype), index)
    if keras.backend.backend() != "tensorflow":
        return 1.0 - ops.one_hot(index, classes, dtype=dtype)
    import tensorflow as tf
    return tf.one_hot(index, classes, 0.0, 1.0, dtype=dtype)


def count(marked: Tensor) -> Tensor:
    """Returns the number of the marked entries of each row, `(...)`, an index."""
    # TensorFlow does not sum 32-bit integers on a GPU, and JAX has no 64-bit ones by default.
    dtype = "int64" if keras.backend.backend() == "tensorflow" else "int32"
    return ops.sum(ops.cast(marked, dtype), axis=-1)


def gather(x: Tensor, indices: Tensor) -> Tensor:
    """Returns the entries of `x` at `indices` along the first axis; an index is 0 or more."""
    if keras.backend.backend() != "tensorflow":
        return ops.take(x, indices, 0)
    import tensorflow as tf
    return tf.gather(x, indices)


def _first_index(marked: Tensor) -> Tensor:
    """Returns the index of the first marked entry of each row; their number if none is marked."""
    classes = marked.shape[-1]
    return row_min(ops.where(marked, _indices(marked), classes), most=classes)


def _indices(marked: Tensor) -> Tensor:
    return ops.convert_to_tensor(np.arange(marked.shape[-1], dtype="int32"))
