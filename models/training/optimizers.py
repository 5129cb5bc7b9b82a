"""Optimisers by name, with the options that a command line may set."""
import keras

from revsig_keras.registry import Registry


def adam(learning_rate: float = 0.001) -> keras.optimizers.Optimizer:
    """Returns Adam."""
    return keras.optimizers.Adam(learning_rate)


def sgd(learning_rate: float = 0.01, momentum: float = 0.9) -> keras.optimizers.Optimizer:
    """Returns gradient descent with momentum."""
    return keras.optimizers.SGD(learning_rate, momentum=momentum)


# To add an optimiser, add a function whose parameters have defaults, here or by `OPTIMIZERS.add`.
OPTIMIZERS = Registry("optimizer", {"adam": adam, "sgd": sgd})
