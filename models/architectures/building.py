"""Builds classifiers of the registered architectures."""
import keras

from models.architectures.architecture import Architecture
from models.architectures.cifar_cnn import CifarCnn
from models.architectures.custom import Custom
from models.architectures.digits_cnn import DigitsCnn
from models.architectures.mlp import Mlp
from models.architectures.mnist_cnn import MnistCnn
from models.architectures.resnet20 import ResNet20
from revsig_keras.registry import Registry

ARCHITECTURES = Registry("architecture", {
    "mlp": Mlp,
    "digits_cnn": DigitsCnn,
    "mnist_cnn": MnistCnn,
    "cifar_cnn": CifarCnn,
    "resnet20": ResNet20,
    "custom": Custom,
},
                         base=Architecture)


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
        A `keras.Model` with one input and one output, float32 logits. Unless the architecture is
        the user's own (`custom`), the input is named `"inputs"` and the last layer `"logits"`.

    Raises:
        ValueError: If there is no such architecture, or it does not take such inputs.

    Example:

    >>> build("digits_cnn", (8, 8, 1), 10, seed=1).output_shape
    (None, 10)
    """
    builder = ARCHITECTURES.make(name)
    if num_classes < 2:
        raise ValueError(f"num_classes must be at least 2. Received: num_classes={num_classes}")
    least = builder.least_size
    if least and (len(input_shape) != 3 or min(input_shape[:2]) < least):
        raise ValueError(
            f"The architecture {name} needs images of shape (height, width, channels) and at least "
            f"{least} x {least} pixels. Received: input_shape={tuple(input_shape)}")
    return builder.build(ARCHITECTURES.resolve(name)[0], input_shape, num_classes, seed, precision)


def digest(name: str) -> str | None:
    """Returns the SHA-256 of the file of a user's own architecture, in hexadecimal, else None."""
    return ARCHITECTURES.make(name).digest()


def with_softmax(model: keras.Model) -> keras.Model:
    """Returns a model with the same variables that ends in a float32 softmax.

    Args:
        model: A model that emits logits.
    """
    probabilities = keras.layers.Softmax(name="probabilities", dtype="float32")(model.output)
    return keras.Model(model.input, probabilities, name=model.name)
