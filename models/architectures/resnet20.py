"""The residual network of 20 layers for small images."""
import keras

from models.architectures.architecture import Architecture

# The published network says nothing of the moving averages. Trainings of a few hundred steps need
# short ones: after n steps, they still hold .9^n of their initial values.
_NORM = {"momentum": 0.9, "epsilon": 1e-5}


class ResNet20(Architecture):
    """ResNet-20 for CIFAR-10 (He et al., arXiv 1512.03385, section 4.2).

    A convolution, then three stages of three blocks, with 16, 32 and 64 filters; the second and the
    third stage halve height and width. A block computes

        y = relu(x + norm(conv(relu(norm(conv(x))))))

    The shortcut has no parameters: where a stage begins, it takes every second pixel and pads the
    channels with zeros ("option A"). Then the mean over all pixels. Kernels are initialised as in
    arXiv 1502.01852, and convolutions have no bias. For images of 3 channels and 10 classes,
    269,722 parameters are trained. The published recipe also has weight decay, flips and shifts,
    which belong to the recipe of the training here.
    """
    least_size = 4

    def features(self, inputs, layers):
        x = layers.relu()(self._conv(inputs, 16, 1, layers))
        for filters in (16, 32, 64):
            for block in range(3):
                strides = 2 if filters > 16 and block == 0 else 1
                shortcut = x if strides == 1 else self._halved(x, filters, layers)
                x = layers.relu()(self._conv(x, filters, strides, layers))
                x = layers.add()([shortcut, self._conv(x, filters, 1, layers)])
                x = layers.relu()(x)
        return layers.mean_over_pixels()(x)

    def _conv(self, x, filters, strides, layers):
        conv = layers.conv(filters,
                           3,
                           strides=strides,
                           padding="same",
                           use_bias=False,
                           initializer=keras.initializers.HeNormal)
        return layers.batch_norm(**_NORM)(conv(x))

    def _halved(self, x, filters, layers):
        """Every second pixel, with channels of zeros after its own."""
        x = layers.max_pooling(1, strides=2, padding="same")(x)
        return keras.ops.pad(x, [(0, 0), (0, 0), (0, 0), (0, filters - x.shape[-1])])
