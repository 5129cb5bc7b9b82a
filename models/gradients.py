"""Gradients of a model's scores with respect to its inputs."""
import keras
import numpy as np
import tensorflow as tf

from models.compiled import once_per_model
from models.data.streamed import rows_at_once


def _logit(logits, classes):
    return tf.reduce_sum(tf.gather(logits, classes, batch_dims=1))


def _cross_entropy(logits, classes):
    # By the class's log-odds: where it is sure, its softmax rounds to 1, whose gradient to nothing.
    is_own = tf.one_hot(classes, tf.shape(logits)[1], True, False, dtype=tf.bool)
    others = tf.reduce_logsumexp(tf.where(is_own, logits.dtype.min, logits), axis=1)
    return tf.reduce_sum(tf.nn.softplus(others - tf.gather(logits, classes, batch_dims=1)))


SCORES = {"logit": _logit, "cross_entropy": _cross_entropy}


def input_gradients(model: keras.Model,
                    inputs: np.ndarray,
                    classes: np.ndarray,
                    of: str = "logit") -> np.ndarray:
    """Computes the gradient of one score per row with respect to the row.

    A row's score depends on no other row, so the gradient of the sum of a batch's scores holds the
    gradients of all rows: one backward pass per batch, whatever the number of classes.

    Args:
        model: A model that emits logits `[n, num_classes]`; it is run as in inference.
        inputs: Array `[n, ...]`.
        classes: Array `[n]`, the class of each row's score.
        of: `"logit"`: the logit of the class. `"cross_entropy"`: the cross-entropy between the
            class and the softmax of the logits. Defaults to `"logit"`.

    Returns:
        Array of the shape of `inputs`, float32.
    """
    if of not in SCORES:
        raise ValueError(f"`of` must be one of {', '.join(SCORES)}. Received: {of!r}")
    inputs, classes = np.asarray(inputs, np.float32), np.asarray(classes, np.int32)
    gradients = _compiled_gradients(model, of, inputs.shape[1:])
    step = rows_at_once(inputs.shape[1:])
    parts = [
        gradients(tf.constant(inputs[start:start + step]),
                  tf.constant(classes[start:start + step])).numpy()
        for start in range(0, len(inputs), step)
    ]
    return np.concatenate(parts) if parts else np.zeros_like(inputs)


@once_per_model
def _compiled_gradients(model, of, shape):

    @tf.function(input_signature=[
        tf.TensorSpec([None, *shape], "float32"),
        tf.TensorSpec([None], "int32"),
    ])
    def gradients(inputs, classes):
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            logits = tf.cast(model(inputs, training=False), "float32")
            total = SCORES[of](logits, classes)
        return tape.gradient(total, inputs, unconnected_gradients="zero")

    return gradients.get_concrete_function()
