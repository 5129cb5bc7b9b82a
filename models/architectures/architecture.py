"""The base classes of architectures."""
import abc

import keras

from models.architectures.layers import Layers


class Builder(abc.ABC):
    """Builds classifiers of one architecture.

    Attributes:
        least_size: The smallest height and width of the images in pixels, or `None` for inputs of
            any shape.
    """
    least_size: int | None = None

    @abc.abstractmethod
    def build(self, name: str, input_shape: tuple[int, ...], num_classes: int, seed: int,
              precision: str) -> keras.Model:
        """Builds a classifier called `name`; see `models.architectures.build`."""

    def digest(self) -> str | None:
        """Returns the SHA-256 of the source if it is the user's own, in hexadecimal, else None."""
        return None


class Architecture(Builder):
    """Computes the features from which `build` computes the logits.

    To add an architecture, write a subclass and add it to `ARCHITECTURES` under a name, here or by
    `ARCHITECTURES.add`. Arguments of its constructor are options of the name; see
    `revsig_keras.registry`.
    """

    @abc.abstractmethod
    def features(self, inputs: keras.KerasTensor, layers: Layers) -> keras.KerasTensor:
        """Returns features of shape `[batch, units]`.

        Args:
            inputs: The inputs of the model.
            layers: Makes its layers. Everything random has to follow from them.
        """

    def build(self, name, input_shape, num_classes, seed, precision):
        layers = Layers(seed, precision)
        inputs = keras.Input(input_shape, name="inputs")
        head = layers.dense(num_classes, name="logits", dtype="float32")  # Draws the first seed.
        return keras.Model(inputs, head(self.features(inputs, layers)), name=name)
