"""Optimisers by name, with the options that a command line may set."""
import keras

from revsig_keras import registry


def adam(learning_rate=0.001):
    return keras.optimizers.Adam(learning_rate)


def sgd(learning_rate=0.01, momentum=0.9):
    return keras.optimizers.SGD(learning_rate, momentum=momentum)


# To add an optimiser, add a function with typed defaults and a row.
OPTIMIZERS = registry.Registry("optimizer", {"adam": adam, "sgd": sgd})
