"""A small convolutional network."""
from models.architectures.architecture import Architecture


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
