"""The same training and the same passes with nothing around them, for the suite to be compared
with."""
import math
from typing import Callable

import keras
import numpy as np
import tensorflow as tf

from models.data.splits import Rows
from models.training.optimizers import OPTIMIZERS

STEPS_PER_CALL, ROWS_PER_CALL = 50, 1024
# Rows of which adversarial examples are made.
EXAMPLES = 1000


def loop(
        model: keras.Model,
        batch: int,
        steps: int,
        inputs: np.ndarray,
        targets: np.ndarray,
        make_optimizer: Callable[[], keras.optimizers.Optimizer] | None = None
) -> Callable[[], None]:
    """So many steps of training, compiled; each call goes on where the last one stopped.

    Args:
        model: What is trained.
        batch, steps: Rows of a step, and steps of a call.
        inputs, targets: The rows.
        make_optimizer: Makes the optimiser. Defaults to `None`: the suite's Adam.
    """
    optimizer = make_optimizer() if make_optimizer else OPTIMIZERS.make("adam")
    variables = model.trainable_variables
    optimizer.build(variables)
    x, y, rng = tf.constant(inputs), tf.constant(targets), np.random.default_rng(0)

    @tf.function(input_signature=[tf.TensorSpec([None, batch], "int32")])
    def compiled(batches):
        for i in tf.range(tf.shape(batches)[0]):
            with tf.GradientTape() as tape:
                logits = model(tf.gather(x, batches[i]), training=True)
                losses = tf.nn.softmax_cross_entropy_with_logits(tf.gather(y, batches[i]), logits)
                loss = tf.reduce_mean(losses)
            optimizer.apply(tape.gradient(loss, variables), variables)

    def train():
        for done in range(0, steps, STEPS_PER_CALL):
            count = min(STEPS_PER_CALL, steps - done)
            compiled(rng.integers(len(inputs), size=(count, batch), dtype=np.int32))

    compiled(np.zeros([1, batch], np.int32))
    return train


def passes(clone: keras.Model, victim: keras.Model, queries: np.ndarray, validation: np.ndarray,
           test: Rows) -> Callable[[], None]:
    """What the figures of a cell need, each row no more often than that.

    The victim answers the queries, and adversarial examples; the clone is watched at three steps
    on validation rows, answers the test rows, and has gradients for the examples.
    """
    examples = Rows(test.x[:EXAMPLES], test.y[:EXAMPLES])
    ask, answer, gradient = _forward(victim), _forward(clone), _gradient(clone)

    def measure():
        _in_batches(ask, queries)
        for _ in range(3):
            _in_batches(answer, validation)
        _in_batches(answer, test.x)
        _in_batches(gradient, examples.x, examples.y)
        _in_batches(ask, examples.x)

    return measure


def _in_batches(function, *arrays):
    for start in range(0, len(arrays[0]), ROWS_PER_CALL):
        function(*(tf.constant(part[start:start + ROWS_PER_CALL]) for part in arrays)).numpy()


def _forward(model):
    spec = tf.TensorSpec([None, *model.input_shape[1:]])
    return tf.function(lambda x: model(x, training=False),
                       input_signature=[spec]).get_concrete_function()


def _gradient(model):

    @tf.function(input_signature=[
        tf.TensorSpec([None, *model.input_shape[1:]]),
        tf.TensorSpec([None], "int64"),
    ])
    def gradient(x, y):
        with tf.GradientTape() as tape:
            tape.watch(x)
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(y, model(x, training=False))
        return tape.gradient(losses, x)

    return gradient.get_concrete_function()


def training_operations(model: keras.Model) -> int:
    """Multiplications and additions of matrices that a training step needs for a row.

    Each layer's output, the gradient of its weights and that of its inputs take as many; the first
    layer with weights needs none of its inputs. Nothing else is counted: no activation, dropout,
    pooling, bias, nor the optimiser.
    """
    forward = [2 * _products(layer) for layer in model.layers if layer.trainable_weights]
    return 3 * sum(forward) - forward[0]


def products(model: keras.Model, batch: int) -> Callable[[], list[float]]:
    """The convolutions and matrix products of a training step, and nothing else.

    `training_operations` counts the same ones. The operands are random numbers.
    """
    layers = [layer for layer in model.layers if layer.trainable_weights]
    random = [[_random([batch, *side.shape[1:]], layer)
               for side in (layer.input, layer.output)]
              for layer in layers]
    kernels = [tf.cast(layer.kernel, layer.compute_dtype) for layer in layers]

    @tf.function
    def compiled(kernels, random):
        made = []
        # One after the other, as in training, where each waits for the one before it.
        for layer, kernel, (inputs, gradient) in zip(layers, kernels, random):
            sources = [kernel] if layer is layers[0] else [kernel, inputs]
            with tf.control_dependencies(made), tf.GradientTape() as tape:
                tape.watch(sources)
                outputs = _product(layer, inputs, kernel)
            with tf.control_dependencies([outputs]):
                made += [outputs, *tape.gradient(outputs, sources, gradient)]
        # An entry of each, so that none is left out.
        return [tf.reshape(each, [-1])[0] for each in made]

    return lambda: [float(each) for each in compiled(kernels, random)]


def _random(shape, layer):
    return tf.cast(tf.random.stateless_uniform(shape, seed=(1, 2)), layer.compute_dtype)


def _product(layer, inputs, kernel):
    if isinstance(layer, keras.layers.Dense):
        return tf.matmul(inputs, kernel)
    return tf.nn.conv2d(inputs, kernel, layer.strides, layer.padding.upper())


def _products(layer):
    """The multiplications of a layer for a row."""
    if isinstance(layer, keras.layers.Dense):
        return math.prod(layer.kernel.shape)
    if isinstance(layer, keras.layers.Conv2D):
        return math.prod(layer.kernel.shape) * math.prod(layer.output.shape[1:3])
    raise ValueError("Layers with weights must be Dense or Conv2D, to be counted. Received: "
                     f"{layer.name}")
