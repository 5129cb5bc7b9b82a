"""The network that makes inputs from noise."""

import keras
import numpy as np
import tensorflow as tf

# Slope of the leaky rectifier, as in both published generators.
_SLOPE = 0.2


class Generator:
    """Makes inputs within a range from Gaussian noise.

    Formula: x = low + (high - low) (1 + tanh(a)) / 2, where the network computes a, the
    *activation* of the input, from the noise. Its last layer is a batch normalisation without scale
    or offset, so that activations stay where the hyperbolic tangent has a slope.

    For images it is that of Truong et al. (CVPR 2021), for any size: a dense layer for a quarter of
    the height and width, rounded up, two blocks that double the size, and a crop. For vectors it
    has two dense layers of as many units, which is this project's choice.

    Args:
        input_shape: Shape of one input: an image `[height, width, channels]` or a vector `[n]`.
        input_range: The lowest and the highest value of an input.
        latent: The number of noise values per input.
        width: The filters of an image's last block, half of those before; of a vector, half of the
            units.
        seed: Determines the initial weights.
    """

    def __init__(self, input_shape: tuple[int, ...], input_range: tuple[float, float], latent: int,
                 width: int, seed: int):
        self.input_shape, self.latent = tuple(input_shape), latent
        self._low, self._high = input_range
        layers = _Layers(seed)
        noise = keras.Input([latent])
        make = _image if len(input_shape) == 3 else _vector
        activations = layers.normalise(make(noise, self.input_shape, width, layers), affine=False)
        self._network = keras.Model(noise, activations)

    @property
    def variables(self) -> list[keras.Variable]:
        """The variables that training changes."""
        return self._network.trainable_variables

    def activations(self, noise: tf.Tensor) -> tf.Tensor:
        """The activations `[n, ...]` of inputs, from noise `[n, latent]` of at least two rows.

        They are normalised over these rows, in training and afterwards.
        """
        return self._network(noise, training=True)

    def inputs(self, activations: tf.Tensor) -> tf.Tensor:
        """The inputs `[n, ...]` with these activations."""
        inputs = self._low + (self._high - self._low) * (1 + tf.tanh(activations)) / 2
        return tf.clip_by_value(inputs, self._low, self._high)  # Rounding may leave the range.


class _Layers:
    """Makes layers whose names are the same in every generator; see `architectures.Layers`."""

    def __init__(self, seed):
        self._rng = np.random.default_rng(seed)
        self._made = 0

    def dense(self, units, x):
        return keras.layers.Dense(units, **self._options())(x)

    def conv(self, filters, x):
        return keras.layers.Conv2D(filters, 3, padding="same", **self._options())(x)

    def normalise(self, x, affine=True):
        layer = keras.layers.BatchNormalization(center=affine, scale=affine, name=self._name())
        return layer(x)

    def rectify(self, x):
        return keras.layers.LeakyReLU(_SLOPE)(self.normalise(x))

    def _name(self):
        self._made += 1
        return f"generator_{self._made}"

    def _options(self):
        seed = int(self._rng.integers(2**31))
        return {"name": self._name(), "kernel_initializer": keras.initializers.GlorotUniform(seed)}


def _image(noise, shape, width, layers):
    height, across, channels = shape
    small = (-(-height // 4), -(-across // 4), 2 * width)
    x = keras.layers.Reshape(small)(layers.dense(int(np.prod(small)), noise))
    x = keras.layers.UpSampling2D()(layers.normalise(x))
    x = keras.layers.UpSampling2D()(layers.rectify(layers.conv(2 * width, x)))
    x = layers.conv(channels, layers.rectify(layers.conv(width, x)))
    return x[:, :height, :across]


def _vector(noise, shape, width, layers):
    x = noise
    for _ in range(2):
        x = layers.rectify(layers.dense(2 * width, x))
    return layers.dense(shape[0], x)
