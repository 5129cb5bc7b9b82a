"""The outputs of models for whole arrays, and quantities computed from logits."""
import keras
import numpy as np
import tensorflow as tf

from models.compiled import once_per_model
from models.data.streamed import Inputs
from models.data.streamed import rows_at_once
from models.data.streamed import StreamedImages


def log_softmax(logits: np.ndarray) -> np.ndarray:
    """Returns the log-probabilities of logits, in float64."""
    logits = np.asarray(logits, "float64")
    logits = logits - logits.max(-1, keepdims=True)
    return logits - np.log(np.exp(logits).sum(-1, keepdims=True))


def cross_entropy(logits: np.ndarray, targets: np.ndarray) -> float:
    """Returns the mean cross-entropy in nats of targets and the softmax of logits, in float64."""
    return float(-np.mean(np.sum(targets * log_softmax(logits), -1)))


def probabilities(model: keras.Model, x: Inputs) -> np.ndarray:
    """Returns the softmax of the logits that a model emits for `x`, float32, `[n, classes]`."""
    return np.exp(log_softmax(predict(model, x))).astype(np.float32)


def predict(model: keras.Model, x: Inputs, batch_size: int | None = None) -> np.ndarray:
    """Returns the outputs of a model for many inputs.

    Unlike `keras.Model.predict`, a call does not cost tens of milliseconds.

    Args:
        model: A Keras model with one input and one output.
        x: An array of shape `[n, ...]`, or `StreamedImages`.
        batch_size: Rows per call of the model. Defaults to `None`: see `rows_at_once`.

    Returns:
        A NumPy array of shape `[n, ...]`.
    """
    x = x if isinstance(x, StreamedImages) else np.asarray(x)
    batch_size = batch_size or rows_at_once(x.shape[1:])
    forward = _compiled_forward(model, tf.TensorSpec([None, *x.shape[1:]], x.dtype))
    if not len(x):  # Convolutions refuse an empty batch.
        output = forward.structured_outputs
        return np.zeros([0, *output.shape[1:]], output.dtype.as_numpy_dtype)
    starts = range(0, len(x), batch_size)
    return np.concatenate(
        [forward(tf.constant(x[start:start + batch_size])).numpy() for start in starts])


@once_per_model
def _compiled_forward(model, spec):
    return tf.function(lambda batch: model(batch, training=False)).get_concrete_function(spec)
