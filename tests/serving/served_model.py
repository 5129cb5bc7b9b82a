"""A model to be served by the tests of the servers: signatures of every kind, and versions."""
import numpy as np
import tensorflow as tf

NAME = "model"
# Of all sizes; some need all digits of a float32.
X = np.float32([[0.1, 0.2, 0.3], [1 / 3, -2e-8, 7e9], [123456.79, 1e-20, -1]])
SCALE = np.float32([[1], [0.5], [2]])
WORDS = np.array([b"ant", "d\u00e9j\u00e0".encode(), b"\xff\x00"], dtype=object)
NOT_FINITE = np.float32([[np.nan, np.inf, -np.inf]])
MIXED = {
    "whole": np.int64([2**62, -1]),
    "small": np.int32([7, -7]),
    "wide": np.float64([0.1, 1e300]),
    "flag": np.array([True, False])
}
INPUTS = {
    "serving_default": dict(x=X, scale=SCALE),
    "single": dict(x=X),
    "words": dict(words=WORDS),
    "types": MIXED,
}


def build(path, version=1):
    """Writes the SavedModel of a version, which its answers tell."""
    model = tf.Module()
    model.version = tf.Variable(float(version))

    def scores(x, scale):
        y = x * scale * model.version
        return {"scores": y, "label": tf.argmax(y, -1)}

    x, scale = tensor("float32", 3, name="x"), tensor("float32", 1, name="scale")
    signatures = {
        "serving_default": function(scores, x, scale),
        "single": function(lambda x: dict(y=x * model.version), x),
        "words": function(lambda words: dict(text=words, raw_bytes=words),
                          tensor("string", name="words")),
        "types": function(lambda *inputs: {f"{name}_out": y for name, y in zip(MIXED, inputs)},
                          *(tensor(array.dtype, name=name) for name, array in MIXED.items())),
        "mean": function(lambda x: dict(mean=tf.reduce_mean(x)), x),
        "uneven": function(lambda x: dict(all=x, first=x[:1]), x),
    }  # yapf: disable
    tf.saved_model.save(model, path, signatures=signatures)


def tensor(dtype, *sizes, name):
    """Of rows."""
    return tf.TensorSpec((None, *sizes), dtype, name)


def function(body, *specs):
    return tf.function(body, input_signature=specs, autograph=False)
