"""A multilayer perceptron."""
from models.architectures.architecture import Architecture


class Mlp(Architecture):
    """Two hidden layers of 128 and 64 units."""

    def features(self, inputs, layers):
        x = layers.flatten()(inputs)
        x = layers.dense(128, activation="relu")(x)
        return layers.dense(64, activation="relu")(x)
