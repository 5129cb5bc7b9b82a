"""Models to be audited, and the data that their thieves have."""
import numpy as np
import tensorflow as tf

SIZE, CLASSES = 5, 3


def write_data(path, rows=400):
    """An .npz file of vectors, a third of each class."""
    x = np.random.default_rng(0).normal(size=(rows, SIZE)).astype(np.float32)
    np.savez(path, x=x, y=x[:, :CLASSES].argmax(axis=1))
    return f"npz:{path}"


def publish(base, version=1, scale=3.0):
    """Writes a version of a model with an output of every kind."""
    model = tf.Module()
    model.scale = tf.Variable(scale)

    def signature(answer):
        spec = tf.TensorSpec((None, SIZE), "float32", "x")
        return tf.function(lambda x: {"y": answer(model.scale * x[:, :CLASSES])},
                           input_signature=[spec])

    tf.saved_model.save(
        model, base / str(version), {
            "serving_default": signature(tf.nn.softmax),
            "labels": signature(lambda z: tf.argmax(z, -1)),
            "logits": signature(tf.identity),
            "nan": signature(lambda z: tf.nn.softmax(z / tf.cast(z[:, :1] < 2, z.dtype) * 0 + z)),
            "two_classes": signature(lambda z: tf.nn.softmax(z[:, :2])),
        })  # yapf: disable
    return base
