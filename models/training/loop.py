"""The compiled loop over training steps, under every tf.distribute strategy."""
from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

from models.training.augmentation import DRAWN
from models.training.learner import Learner
from models.training.objective import Batch


def compile_loop(learner: Learner, strategy: tf.distribute.Strategy,
                 augment: Callable[[tf.Tensor, tf.Tensor], tf.Tensor] | None,
                 jit: bool) -> Callable[..., None]:
    """Compiles a loop over the steps that `models.training.batches.Batches.take` draws.

    Args:
        learner: What is trained.
        strategy: The strategy under which the steps run.
        augment: Changes images by what is drawn for them, or `None`.
        jit: Whether XLA compiles, for each shape of a batch: of a fully connected model in one
            replica all of a step and the loop around it, for each power of two of steps, else the
            loss and its gradients, since convolutions are slow in such a loop on processors.

    Returns:
        A function of inputs, targets, weights and draws.
    """
    model, optimizer, objective = learner.model, learner.optimizer, learner.objective
    replicas, variables = strategy.num_replicas_in_sync, learner.trainable
    jit_loop = jit and replicas == 1 and _is_fully_connected(model)

    def gradients(inputs, targets, weights, drawn):
        augmented = augment(inputs, drawn) if augment else inputs
        with tf.GradientTape() as tape:
            losses = objective.losses(model, Batch(inputs, augmented, targets), learner.own)
            loss = optimizer.scale_loss(tf.reduce_sum(weights * losses))
        return tape.gradient(loss, variables)

    if jit and not jit_loop:
        gradients = tf.function(gradients, jit_compile=True)

    def step(*batch):
        replica = tf.distribute.get_replica_context().replica_id_in_sync_group
        # The optimiser sums the gradients over the replicas.
        optimizer.apply(gradients(*(part[replica] for part in batch)), variables)

    def steps(count, inputs, targets, weights, drawn):
        for i in tf.range(count):
            strategy.run(step, args=(inputs[i], targets[i], weights, drawn[i]))

    if jit_loop:
        steps = tf.function(steps, jit_compile=True)

    @tf.function(input_signature=[
        tf.TensorSpec([None, replicas, None, *model.input_shape[1:]], "float32"),
        tf.TensorSpec([None, replicas, None, *model.output_shape[1:]], "float32"),
        tf.TensorSpec([replicas, None], "float32"),
        tf.TensorSpec([None, replicas, None, DRAWN], "float32"),
    ])
    def loop(inputs, targets, weights, drawn):
        count = tf.shape(inputs)[0]
        if jit_loop:
            inputs, targets, drawn = map(_lengthen, (inputs, targets, drawn))
        steps(count, inputs, targets, weights, drawn)

    return loop.get_concrete_function()


def _is_fully_connected(model):
    trained = (layer for layer in model.layers if layer.trainable_weights)
    return all(isinstance(layer, keras.layers.Dense) for layer in trained)


def _lengthen(rows):
    """Adds zeros, so that the number of rows is a power of two."""
    count, others = tf.split(tf.shape(rows), [1, rows.shape.rank - 1])
    powers = tf.constant(2**np.arange(31), "int32")
    missing = tf.reduce_min(powers[powers >= count], keepdims=True) - count
    return tf.concat([rows, tf.zeros(tf.concat([missing, others], 0))], 0)
