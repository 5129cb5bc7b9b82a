"""The network of Keras' MNIST example."""
from models.architectures.architecture import Architecture


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
