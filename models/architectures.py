"""Architectures by name: image and vector classifiers that emit logits."""
import collections
import itertools

import keras
import numpy as np


def build(name: str,
          input_shape: tuple[int, ...],
          num_classes: int,
          seed: int,
          precision: str = "float32") -> keras.Model:
    """Builds a classifier.

    Args:
        name: one of `NAMES`.
        input_shape: the shape of one input, without the batch.
        num_classes: the number of classes, at least 2.
        seed: an integer from which the initial weights and all dropout follow. No global seed is
            touched.
        precision: the Keras dtype policy of all layers but the last, such as `"mixed_bfloat16"`.
            Defaults to `"float32"`.

    Returns:
        A `keras.Model` with one input, named `"inputs"`. Its last layer, named `"logits"`, emits
        float32 logits.

    Example:

    >>> build("digits_cnn", (8, 8, 1), 10, seed=1).output_shape
    (None, 10)
    """
    check_name(name)
    function, least_size = _ARCHITECTURES[name]
    if num_classes < 2:
        raise ValueError(f"num_classes must be at least 2. Received: num_classes={num_classes}")
    if least_size and (len(input_shape) != 3 or min(input_shape[:2]) < least_size):
        raise ValueError(
            f"The architecture {name} needs images of shape (height, width, channels) and at least "
            f"{least_size} x {least_size} pixels. Received: input_shape={tuple(input_shape)}")
    layers = _Layers(seed, precision)
    inputs = keras.Input(input_shape, name="inputs")
    logits = layers.dense(num_classes, name="logits", dtype="float32")(function(inputs, layers))
    return keras.Model(inputs, logits, name=name)


def with_softmax(model: keras.Model) -> keras.Model:
    """The same model, with the same variables, that ends in a float32 softmax: it emits
    probabilities."""
    probabilities = keras.layers.Softmax(name="probabilities", dtype="float32")(model.output)
    return keras.Model(model.input, probabilities, name=model.name)


def check_name(name: str) -> None:
    """Raises a `ValueError` if there is no such architecture."""
    if name not in _ARCHITECTURES:
        raise ValueError(f"architecture must be one of {', '.join(NAMES)}. Received: {name!r}")


class _Layers:
    """Makes layers of one dtype policy, each of which has a seed that follows from one seed.

    What has variables gets a name that is the same in every model. Keras would count on, and of
    each name of a variable that it has not seen TensorFlow keeps the memory for good.
    """

    def __init__(self, seed, precision):
        self._rng = np.random.default_rng(seed)
        self._precision = precision
        self._names = (f"layer_{place}" for place in itertools.count(1))

    def _seed(self):
        return int(self._rng.integers(2**31))

    def dense(self, units, **kwargs):
        return self._with_kernel(keras.layers.Dense, units, **kwargs)

    def conv(self, filters, size, **kwargs):
        return self._with_kernel(keras.layers.Conv2D, filters, size, **kwargs)

    def dropout(self, rate):
        return keras.layers.Dropout(rate, seed=self._seed(), dtype=self._precision)

    def max_pooling(self):
        return keras.layers.MaxPooling2D(dtype=self._precision)

    def flatten(self):
        return keras.layers.Flatten(dtype=self._precision)

    def _with_kernel(self, layer, *args, **kwargs):
        initializer = keras.initializers.GlorotUniform(self._seed())
        return layer(
            *args, **{
                "name": next(self._names),
                "kernel_initializer": initializer,
                "dtype": self._precision,
                **kwargs
            })


def _mlp(x, layers):
    x = layers.flatten()(x)
    x = layers.dense(128, activation="relu")(x)
    return layers.dense(64, activation="relu")(x)


def _digits_cnn(x, layers):
    x = layers.conv(32, 3, padding="same", activation="relu")(x)
    x = layers.max_pooling()(x)
    x = layers.conv(64, 3, padding="same", activation="relu")(x)
    x = layers.max_pooling()(x)
    x = layers.flatten()(x)
    return layers.dense(64, activation="relu")(x)


def _mnist_cnn(x, layers):
    x = layers.conv(32, 3, activation="relu")(x)
    x = layers.conv(64, 3, activation="relu")(x)
    x = layers.max_pooling()(x)
    x = layers.dropout(0.25)(x)
    x = layers.flatten()(x)
    x = layers.dense(128, activation="relu")(x)
    return layers.dropout(0.5)(x)


# `least_size` is that of the images in pixels; None: inputs of any shape.
_Architecture = collections.namedtuple("_Architecture", ["function", "least_size"])

# To add an architecture, add a function from inputs to features and a row. `build` adds the logits.
_ARCHITECTURES = {
    "mlp": _Architecture(_mlp, None),
    "digits_cnn": _Architecture(_digits_cnn, 4),
    "mnist_cnn": _Architecture(_mnist_cnn, 6),
}

NAMES = tuple(_ARCHITECTURES)
