"""Optimisers by name, with the options that a command line may set."""
import keras

from revsig_keras.registry import Registry


def adam(learning_rate: float = 0.001) -> keras.optimizers.Optimizer:
    """Returns Adam."""
    return keras.optimizers.Adam(learning_rate)


def adamw(learning_rate: float = 0.001, weight_decay: float = 0.004) -> keras.optimizers.Optimizer:
    """Returns Adam with decoupled weight decay (Loshchilov and Hutter, arXiv 1711.05101)."""
    return keras.optimizers.AdamW(learning_rate, weight_decay)


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
