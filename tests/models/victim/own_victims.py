"""Victims that were trained elsewhere: one linear classifier in many forms."""
import sys

import keras
import numpy as np
import tensorflow as tf

from models.data.dataset import Dataset

SHAPE, CLASSES = (4, 4, 1), 3
RNG = np.random.default_rng(0)
KERNEL = RNG.normal(size=(16, CLASSES)).astype("float32")
# Bytes, so that a model of bytes answers alike.
X = RNG.integers(256, size=(300, *SHAPE)).astype("float32") / 255
LOGITS = X.reshape(-1, 16) @ KERNEL
Y = (LOGITS + RNG.normal(size=LOGITS.shape)).argmax(axis=1)
DATASET = Dataset("rows", X, Y, CLASSES, (0.0, 1.0))


def expected(logits=LOGITS):
    exponentials = np.exp(logits.astype(np.float64) - logits.max(axis=1, keepdims=True))
    return exponentials / exponentials.sum(axis=1, keepdims=True)


def keras_model(activation=None, shape=SHAPE, kernel=KERNEL, scale=1.0):
    """A Keras model of images or vectors, which are scaled first."""
    inputs = keras.Input(shape)
    x = keras.layers.Flatten()(keras.layers.Rescaling(scale)(inputs))
    dense = keras.layers.Dense(kernel.shape[1], activation, use_bias=False)
    model = keras.Model(inputs, dense(x))
    dense.set_weights([kernel])
    return model


class Module(tf.Module):
    """A model of TensorFlow alone, from bytes to several outputs; another signature gives one."""

    def __init__(self):
        super().__init__()
        self.kernel = tf.Variable(KERNEL / 255)

    @tf.function(input_signature=[tf.TensorSpec([None, 16], tf.uint8, name="pixels")])
    def score(self, pixels):
        logits = tf.cast(pixels, "float32") @ self.kernel
        return {
            "logits": logits,
            "label": tf.argmax(logits, 1),
            "text": tf.strings.as_string(logits)
        }

    @tf.function(input_signature=[tf.TensorSpec([7, 16], tf.float32, name="pixels")])
    def classify(self, pixels):
        return {"probabilities": tf.nn.softmax(pixels @ (self.kernel * 255))}


class Around(tf.Module):
    """A module around a Keras model, whose optimiser has variables too."""

    def __init__(self):
        super().__init__()
        self.model = keras_model("softmax")
        self.model.compile("adam")
        self.model.optimizer.build(self.model.trainable_variables)

    @tf.function(input_signature=[tf.TensorSpec([None, *SHAPE], name="pixels")])
    def classify(self, pixels):
        return {"probabilities": self.model(pixels)}


FUNCTIONS = f"""
import numpy as np

KERNEL = np.array({KERNEL.tolist()}, "float32")

def predict(inputs):
    logits = inputs.reshape(len(inputs), -1) @ KERNEL
    exponentials = np.exp(logits)
    return exponentials / exponentials.sum(axis=1, keepdims=True)

def labels(inputs):
    return predict(inputs).argmax(axis=1)

def sigmoids(inputs):
    return 1 / (1 + np.exp(-inputs.reshape(len(inputs), -1) @ KERNEL))

def more_classes(inputs):
    return np.full((len(inputs), 5), .2)

def not_finite(inputs):
    return np.full((len(inputs), 3), np.nan)

def failing(inputs):
    raise RuntimeError("out of\\nmemory")

def leaving(inputs):
    raise SystemExit(3)

number = 7
"""


def write_all(directory):
    """Writes all victims into a directory."""
    keras_model("softmax").save(directory / "softmax.keras")
    keras_model().save(directory / "logits.h5")
    keras_model("softmax", scale=1 / 255).save(directory / "bytes.keras")
    inputs = keras.Input(batch_shape=(7, *SHAPE))
    keras.Model(inputs, keras_model("softmax")(inputs)).save(directory / "seven.keras")
    keras_model("softmax").export(directory / "exported", verbose=False)
    module = Module()
    tf.saved_model.save(module,
                        directory / "module",
                        signatures={
                            "score": module.score,
                            "classify": module.classify
                        })
    around = Around()
    tf.saved_model.save(around, directory / "around", signatures={"classify": around.classify})
    (directory / "functions.py").write_text(FUNCTIONS)
    (directory / "own_victim_functions.py").write_text(FUNCTIONS)
    sys.path.insert(0, str(directory))
