"""Optimisers by name, with the options that a command line may set."""
import keras
import tensorflow as tf

from revsig_keras.registry import Registry

# From so many entries on, one kernel takes less time than the operations of Keras: on two cores .6
# of it, and .4 from twice as many on. With fewer, its threads cost more than they save.
FUSED_SIZE = 2**16


class FusedAdam(keras.optimizers.Adam):
    """Keras' Adam, with one pass over the memory of a large variable instead of a dozen.

    A step of a float32 variable of at least `FUSED_SIZE` entries differs from that of Keras by a
    relative 3e-5 at most, mainly since the kernel subtracts beta_2 from 1 in float32. For smaller
    variables, other dtypes and sparse gradients it is the same to the bit.
    """

    def update_step(self, gradient: tf.Tensor | tf.IndexedSlices, variable: tf.Variable,
                    learning_rate: tf.Tensor) -> None:
        """Updates a variable and its moments."""
        if (variable.dtype != "float32" or isinstance(gradient, tf.IndexedSlices) or
                variable.shape.num_elements() < FUSED_SIZE):
            super().update_step(gradient, variable, learning_rate)
            return
        index, step = self._get_variable_index(variable), tf.cast(self.iterations + 1, "float32")
        tf.raw_ops.ResourceApplyAdam(var=variable.handle,
                                     m=self._momentums[index].value.handle,
                                     v=self._velocities[index].value.handle,
                                     beta1_power=self.beta_1**step,
                                     beta2_power=self.beta_2**step,
                                     lr=tf.cast(learning_rate, "float32"),
                                     beta1=self.beta_1,
                                     beta2=self.beta_2,
                                     epsilon=self.epsilon,
                                     grad=tf.cast(gradient, "float32"))


def adam(learning_rate: float = 0.001) -> keras.optimizers.Optimizer:
    """Returns Adam."""
    return FusedAdam(learning_rate)


def adamw(learning_rate: float = 0.001, weight_decay: float = 0.004) -> keras.optimizers.Optimizer:
    """Returns Adam with decoupled weight decay (Loshchilov and Hutter, arXiv 1711.05101)."""
    return FusedAdam(learning_rate, weight_decay=weight_decay)


def sgd(learning_rate: float = 0.01,
        momentum: float = 0.9,
        *,
        weight_decay: float = 0.0) -> keras.optimizers.Optimizer:
    """Returns gradient descent with momentum, and decoupled weight decay if it is not 0."""
    return keras.optimizers.SGD(learning_rate, momentum, weight_decay=weight_decay or None)


# To add an optimiser, add a function whose parameters have defaults, here or by `OPTIMIZERS.add`.
OPTIMIZERS = Registry("optimizer", {"adam": adam, "sgd": sgd, "adamw": adamw})


def check_optimizer(member: str) -> None:
    """Raises `ValueError` if an optimiser cannot be made of a member of `OPTIMIZERS`.

    None is made here: an optimiser has variables, and they would start TensorFlow before the
    processes of a cluster have joined.
    """
    options = OPTIMIZERS.resolve(member)[1]
    rate, momentum = options.get("learning_rate", 1.0), options.get("momentum", 0.0)
    if rate <= 0:
        raise ValueError(f"`learning_rate` must be a number above 0. Received: {rate} in {member}")
    if not 0 <= momentum <= 1:
        raise ValueError(f"`momentum` must be from 0 to 1. Received: {momentum} in {member}")
    if options.get("weight_decay", 0.0) < 0:
        raise ValueError("`weight_decay` must be a number of at least 0. Received: "
                         f"{options['weight_decay']} in {member}")
