"""The network of Keras' CIFAR-10 example."""
from models.architectures.architecture import Architecture


class CifarCnn(Architecture):
    """The network of Keras' CIFAR-10 example (`cifar10_cnn`), like a small VGG.

    Two blocks, of 32 and of 64 filters: a padded convolution, one without padding, pooling, and
    dropout of 1/4. Then a hidden layer of 512 units with dropout of 1/2. For images of 32 x 32 x 3
    pixels and 10 classes, it has 1,250,858 parameters.
    """
    least_size = 10

    def features(self, inputs, layers):
        x = inputs
        for filters in (32, 64):
            for padding in ("same", "valid"):
                x = layers.conv(filters, 3, padding=padding, activation="relu")(x)
            x = layers.max_pooling()(x)
            x = layers.dropout(0.25)(x)
        x = layers.flatten()(x)
        x = layers.dense(512, activation="relu")(x)
        return layers.dropout(0.5)(x)
