"""Measures what the defence costs where models are served.

  python -m benchmarks.layer [--quick] [--json=FILE] [--peer_python=PATH] [--only=REGEX] [--profile]

Each row is a ratio of two times, measured in turn in one run; benchmarks/README.md says what each
row means. A row above its limit is marked, and is no error.
"""
import contextlib
import functools
import itertools
from typing import Iterable

from absl import flags
import keras
import numpy as np
import tensorflow as tf

from benchmarks import comparison
import benchmarks.flags
from benchmarks.peer import Peer
from models import architectures
from revsig_keras import ConfidenceBuckets
from revsig_keras import Decoy
from revsig_keras import DefendedModel
from revsig_keras import ReverseSigmoid
from revsig_keras.cli import program


class Transcendentals(keras.layers.Layer):
    """The logarithm and the tangent that `ReverseSigmoid` takes of each entry, and nothing else."""

    def call(self, inputs):
        return tf.tanh(0.1 * tf.math.log(inputs))


class Passes(keras.layers.Layer):
    """As many operations on all entries as `ReverseSigmoid` has, each as cheap as can be."""

    def call(self, inputs):
        for i in range(PASSES):
            inputs = tf.maximum(inputs, i * 1e-6)  # No two of these are made one.
        return inputs


class Formula(keras.layers.Layer):
    """The formula and the label rule of `ReverseSigmoid`, and nothing else.

    Each row has to sum to 1 and to have one leading class. There is no margin for rounding.
    """

    def call(self, inputs):
        top = tf.reduce_max(inputs, -1, keepdims=True)
        below = tf.cast(inputs < top, inputs.dtype)  # Without `tf.where`, which takes longer.
        rest = below * inputs
        largest = tf.reduce_max(rest, -1, keepdims=True)
        least = tf.reduce_min(inputs, -1, keepdims=True)
        # -r for beta = 1 and gamma = 0.2, but for the factor 1/2. That of the top is exact.
        pulls, largest_pull, least_pull = (_pull(1.0 - p, p) for p in (rest, largest, least))
        top_pull = _pull(tf.reduce_sum(rest, -1, keepdims=True), top)
        bounds = [(top - largest) / (largest_pull - top_pull),
                  (top - least) / (least_pull - top_pull)]
        weight = tf.minimum(tf.minimum(*bounds), 0.5)
        moved = top + weight * top_pull
        lowered = tf.minimum(rest + weight * pulls, moved * (1.0 - 2.0**-22))
        scores = tf.maximum(lowered, moved - below)
        return scores / tf.reduce_sum(scores, -1, keepdims=True)


def _pull(against, amount):
    return tf.tanh(0.1 * tf.math.log(against / amount))


# Those of `ReverseSigmoid` in a graph, of up to 128 classes.
PASSES = 22
LAYERS = {
    "layer": ReverseSigmoid,
    "confidence_buckets": ConfidenceBuckets,
    "decoy": Decoy,
    "transcendentals": Transcendentals,
    "passes": Passes,
    "formula": Formula,
}
# What is no defence, but what one is compared with.
FLOORS = ("transcendentals", "passes", "formula")
BATCHES = (1, 32, 256, 4096)
CLASSES = (10, 100, 1000)
MODES = {"xla": True, "graph": False}
# How many times both sides are traced and compiled for a row.
BUILDS = 5


def main(values=flags.FLAGS):
    config = benchmarks.flags.make_config(values)
    with contextlib.ExitStack() as stack:
        peer = None
        if config.peer_python is not None:
            peer = stack.enter_context(Peer(config.peer_python, "art_reverse_sigmoid.py"))
        comparison.run(all_cases(config.quick, peer), config, peer=peer and peer.about)


def all_cases(quick: bool, peer: Peer | None = None) -> list[comparison.Case]:
    """All that is measured, in order."""
    if quick:
        return [
            *layer_cases((10, 100), seconds=0.4, builds=1),
            *cnn_cases({
                32: 5.0,
                256: 6.0
            }, builds=1),
            *predict_cases((10,), (1, 256), seconds=3.0, peer=peer),
        ]
    return [
        *layer_cases(CLASSES, seconds=2.0),
        *cnn_cases({
            1: 3.0,
            32: 12.0,
            256: 30.0,
            4096: 70.0
        }),
        # What has a limit gets more time: the repeats of `predict` differ much.
        *predict_cases((10,), BATCHES, seconds=10.0, peer=peer),
        *predict_cases((100, 1000), BATCHES, seconds=2.0, peer=peer),
    ]


def layer_cases(classes: Iterable[int],
                seconds: float,
                builds: int = BUILDS) -> list[comparison.Case]:
    """Each layer against a softmax of the same shape; what is no defence has no limit."""
    limits = {"xla": 2.0, "graph": 4.0}
    return [
        comparison.Case(f"{layer}/{mode}/batch={batch}/classes={count}",
                        limits[mode] if count <= 100 and layer not in FLOORS else None,
                        functools.partial(_layer_and_softmax, layer, mode, batch,
                                          count), seconds, builds)
        for layer, mode, count, batch in itertools.product(LAYERS, MODES, classes, BATCHES)
    ]


def _layer_and_softmax(layer, mode, batch, classes):
    logits = 3.0 * tf.random.stateless_normal((batch, classes), seed=(batch, classes))
    return (_served(LAYERS[layer](), tf.nn.softmax(logits),
                    mode), _served(keras.layers.Softmax(), logits, mode))


def cnn_cases(seconds: dict[int, float], builds: int = BUILDS) -> list[comparison.Case]:
    """A served CNN with the layer against the same CNN without, at batch sizes that get seconds.

    Also with the least that a defence could add: a limit that this misses is out of reach.
    """
    made = {"cnn": DefendedModel, "floor": with_one_operation}
    return [
        comparison.Case(f"{name}/{mode}/batch={batch}/classes=10",
                        1.02 if name == "cnn" and batch >= 32 else None,
                        functools.partial(_cnn_with_and_without, make, mode,
                                          batch), duration, builds)
        for mode in MODES
        for batch, duration in seconds.items()
        for name, make in made.items()
    ]


def with_one_operation(model: keras.Model) -> keras.Model:
    """The model with one multiplication after its last operation."""
    return keras.Model(model.inputs, 0.5 * model.outputs[0])


def _cnn_with_and_without(make, mode, batch):
    model = architectures.with_softmax(architectures.build("mnist_cnn", (28, 28, 1), 10, seed=1))
    images = tf.random.stateless_uniform((batch, 28, 28, 1), seed=(batch, 1))
    return _served(make(model), images, mode), _served(model, images, mode)


def predict_cases(classes: Iterable[int],
                  batches: Iterable[int],
                  seconds: float,
                  peer: Peer | None = None) -> list[comparison.Case]:
    """A defended `predict` of an MLP against `predict` and then ART's postprocessor."""
    return [
        comparison.Case(f"predict/batch={batch}/classes={count}", 1.0 if count == 10 else None,
                        functools.partial(_predict_and_postprocess, batch, count, peer), seconds)
        for count, batch in itertools.product(classes, batches)
    ]


def _predict_and_postprocess(batch, classes, peer):
    model = architectures.with_softmax(architectures.build("mlp", (28, 28, 1), classes, seed=1))
    images = np.random.default_rng(batch).random((batch, 28, 28, 1), np.float32)

    def predict(model):
        return comparison.repeat(lambda: model.predict(images, batch_size=batch, verbose=0))

    defended, clean = predict(DefendedModel(model)), predict(model)
    if peer is None:
        return defended, None
    peer.put(model.predict(images, batch_size=batch, verbose=0))
    postprocess = comparison.repeat_elsewhere(peer.seconds)
    return defended, lambda: clean() + postprocess()


def _served(layer, inputs, mode):
    """Repeats of compiled calls, each with the inputs in place and the result ready to be read."""
    spec = tf.TensorSpec(inputs.shape, inputs.dtype)
    function = tf.function(layer, input_signature=[spec],
                           jit_compile=MODES[mode]).get_concrete_function()
    # `memoryview` waits for the result, and on a GPU fetches it; on a CPU nothing is copied.
    return comparison.repeat(lambda: memoryview(function(inputs)))


if __name__ == "__main__":
    benchmarks.flags.define_flags()
    flags.adopt_module_key_flags(benchmarks.flags)
    program.run(main)
