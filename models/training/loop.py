"""The compiled loop over training steps, under every tf.distribute strategy."""
from collections.abc import Callable

import keras
import tensorflow as tf

from models.training.batches import shift_images
from models.training.objective import Objective


def compile_loop(model: keras.Model, optimizer: keras.optimizers.Optimizer, objective: Objective,
                 own: list[tf.Variable], strategy: tf.distribute.Strategy, shifted: bool,
                 jit: bool) -> Callable[..., None]:
    """Compiles a loop over the steps of what `models.training.batches.Batches.take` gives.

    Args:
        model: emits logits.
        optimizer: built for the trainable variables of the model and `own`.
        objective: what is minimised.
        own: the objective's variables.
        strategy: where the steps run.
        shifted: whether the images are shifted.
        jit: whether XLA compiles the loss and its gradients, which it does for each shape of a
            batch anew.

    Returns:
        A function of inputs, targets, weights and shifts.
    """
    replicas, variables = strategy.num_replicas_in_sync, model.trainable_variables + own

    def gradients(inputs, targets, weights, shifts):
        moved = shift_images(inputs, shifts) if shifted else inputs
        with tf.GradientTape() as tape:
            losses = objective.losses(model, inputs, moved, targets)
            loss = optimizer.scale_loss(tf.reduce_sum(weights * losses))
        return tape.gradient(loss, variables)

    if jit:
        gradients = tf.function(gradients, jit_compile=True)

    def step(*batch):
        replica = tf.distribute.get_replica_context().replica_id_in_sync_group
        # The optimiser sums the gradients over the replicas.
        optimizer.apply(gradients(*(part[replica] for part in batch)), variables)

    @tf.function(input_signature=[
        tf.TensorSpec([None, replicas, None, *model.input_shape[1:]], "float32"),
        tf.TensorSpec([None, replicas, None, *model.output_shape[1:]], "float32"),
        tf.TensorSpec([replicas, None], "float32"),
        tf.TensorSpec([None, replicas, None, 2], "int32"),
    ])
    def loop(inputs, targets, weights, shifts):
        for i in tf.range(tf.shape(inputs)[0]):
            strategy.run(step, args=(inputs[i], targets[i], weights, shifts[i]))

    return loop.get_concrete_function()
