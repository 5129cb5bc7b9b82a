"""The layers of one model."""
import itertools
from typing import Any

import keras
import numpy as np


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

    def batch_norm(self, **options: Any) -> keras.Layer:
        """Returns a `keras.layers.BatchNormalization`, synchronised between replicas."""
        return keras.layers.BatchNormalization(name=next(self._names),
                                               synchronized=True,
                                               dtype=self._precision,
                                               **options)

    def dropout(self, rate: float) -> keras.Layer:
        """Returns a `keras.layers.Dropout`."""
        return keras.layers.Dropout(rate, seed=self._seed(), dtype=self._precision)

    def max_pooling(self, size: int = 2, **options: Any) -> keras.Layer:
        """Returns a `keras.layers.MaxPooling2D`."""
        return keras.layers.MaxPooling2D(size, dtype=self._precision, **options)

    def mean_over_pixels(self) -> keras.Layer:
        """Returns a `keras.layers.GlobalAveragePooling2D`."""
        return keras.layers.GlobalAveragePooling2D(dtype=self._precision)

    def relu(self) -> keras.Layer:
        """Returns a `keras.layers.ReLU`."""
        return keras.layers.ReLU(dtype=self._precision)

    def add(self) -> keras.Layer:
        """Returns a `keras.layers.Add`."""
        return keras.layers.Add(dtype=self._precision)

    def flatten(self) -> keras.Layer:
        """Returns a `keras.layers.Flatten`."""
        return keras.layers.Flatten(dtype=self._precision)

    def _seed(self):
        return int(self._rng.integers(2**31))

    def _with_kernel(self, layer, *args, initializer=keras.initializers.GlorotUniform, **options):
        return layer(
            *args, **{
                "name": next(self._names),
                "kernel_initializer": initializer(self._seed()),
                "dtype": self._precision,
                **options
            })
