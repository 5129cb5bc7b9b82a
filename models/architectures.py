"""Architectures by name: image and vector classifiers that emit logits."""
import abc
import itertools
from typing import Any

import keras
import numpy as np

from revsig_keras.registry import Registry


class Layers:
    """Makes the layers of one model: of one dtype policy, each with a seed that follows from one.

    Layers with variables get names that are the same in every model. Keras would number them on and
    on, and TensorFlow never frees the memory of the name of a variable.

    Args:
        seed: An integer.
        precision: The Keras dtype policy of the layers.
    """

    def __init__(self, seed: int, precision: str):
        self._rng = np.random.default_rng(seed)
        self._precision = precision
        self._names = (f"layer_{place}" for place in itertools.count(1))

    def dense(self, units: int, **options: Any) -> keras.Layer:
        """Returns a `keras.layers.Dense`."""
        return self._with_kernel(keras.layers.Dense, units, **options)

    def conv(self, filters: int, size: int, **options: Any) -> keras.Layer:
        """Returns a `keras.layers.Conv2D`."""
        return self._with_kernel(keras.layers.Conv2D, filters, size, **options)

    def dropout(self, rate: float) -> keras.Layer:
        """Returns a `keras.layers.Dropout`."""
        return keras.layers.Dropout(rate, seed=self._seed(), dtype=self._precision)

    def max_pooling(self) -> keras.Layer:
        """Returns a `keras.layers.MaxPooling2D`."""
        return keras.layers.MaxPooling2D(dtype=self._precision)

    def flatten(self) -> keras.Layer:
        """Returns a `keras.layers.Flatten`."""
        return keras.layers.Flatten(dtype=self._precision)

    def _seed(self):
        return int(self._rng.integers(2**31))

    def _with_kernel(self, layer, *args, **options):
        initializer = keras.initializers.GlorotUniform(self._seed())
        return layer(
            *args, **{
                "name": next(self._names),
                "kernel_initializer": initializer,
                "dtype": self._precision,
                **options
            })


class Architecture(abc.ABC):
    """Computes the features from which `build` computes the logits.

    To add an architecture, write a subclass and add it to `ARCHITECTURES` under a name, here or by
    `ARCHITECTURES.add`. Arguments of its constructor are options of the name; see
    `revsig_keras.registry`.

    Attributes:
        least_size: The smallest height and width of the images in pixels, or `None` for inputs of
            any shape.
    """
    least_size: int | None = None

    @abc.abstractmethod
    def features(self, inputs: keras.KerasTensor, layers: Layers) -> keras.KerasTensor:
        """Returns features of shape `[batch, units]`.

        Args:
            inputs: The inputs of the model.
            layers: Makes its layers. Everything random has to follow from them.
        """


class Mlp(Architecture):
    """Two hidden layers of 128 and 64 units."""

    def features(self, inputs, layers):
        x = layers.flatten()(inputs)
        x = layers.dense(128, activation="relu")(x)
        return layers.dense(64, activation="relu")(x)


class DigitsCnn(Architecture):
    """Two convolutions of 32 and 64 filters, each pooled, and a hidden layer of 64 units."""
    least_size = 4

    def features(self, inputs, layers):
        x = layers.conv(32, 3, padding="same", activation="relu")(inputs)
        x = layers.max_pooling()(x)
        x = layers.conv(64, 3, padding="same", activation="relu")(x)
        x = layers.max_pooling()(x)
        x = layers.flatten()(x)
        return layers.dense(64, activation="relu")(x)


class MnistCnn(Architecture):
    """The network of Keras' MNIST example, as published: two convolutions, dropout, 128 units."""
    least_size = 6

    def features(self, inputs, layers):
        x = layers.conv(32, 3, activation="relu")(inputs)
        x = layers.conv(64, 3, activation="relu")(x)
        x = layers.max_pooling()(x)
        x = layers.dropout(0.25)(x)
        x = layers.flatten()(x)
        x = layers.dense(128, activation="relu")(x)
        return layers.dropout(0.5)(x)


_BUILT_IN = {"mlp": Mlp, "digits_cnn": DigitsCnn, "mnist_cnn": MnistCnn}
ARCHITECTURES = Registry("architecture", _BUILT_IN, base=Architecture)


def build(name: str,
          input_shape: tuple[int, ...],
          num_classes: int,
          seed: int,
          precision: str = "float32") -> keras.Model:
    """Builds a classifier.

    Args:
        name: A member of `ARCHITECTURES`.
        input_shape: The shape of one input, without the batch.
        num_classes: The number of classes, at least 2.
        seed: The integer that determines the initial weights and all dropout. No global seed is
            changed.
        precision: The Keras dtype policy of all layers but the last, such as `"mixed_bfloat16"`.
            Defaults to `"float32"`.

    Returns:
        A `keras.Model` with one input, named `"inputs"`. Its last layer, named `"logits"`, emits
        float32 logits.

    Example:

    >>> build("digits_cnn", (8, 8, 1), 10, seed=1).output_shape
    (None, 10)
    """
    architecture = ARCHITECTURES.make(name)
    least_size = architecture.least_size
    if num_classes < 2:
        raise ValueError(f"num_classes must be at least 2. Received: num_classes={num_classes}")
    if least_size and (len(input_shape) != 3 or min(input_shape[:2]) < least_size):
        raise ValueError(
            f"The architecture {name} needs images of shape (height, width, channels) and at least "
            f"{least_size} x {least_size} pixels. Received: input_shape={tuple(input_shape)}")
    layers = Layers(seed, precision)
    inputs = keras.Input(input_shape, name="inputs")
    head = layers.dense(num_classes, name="logits", dtype="float32")  # Draws the first seed.
    logits = head(architecture.features(inputs, layers))
    return keras.Model(inputs, logits, name=ARCHITECTURES.resolve(name)[0])


def with_softmax(model: keras.Model) -> keras.Model:
    """Returns a model with the same variables that ends in a float32 softmax.

    Args:
        model: A model that emits logits.
    """
    probabilities = keras.layers.Softmax(name="probabilities", dtype="float32")(model.output)
    return keras.Model(model.input, probabilities, name=model.name)
