"""How many operations a defence adds to a graph that is served: each costs where a batch is small.

Counted are the operations of the inference graph and of all functions it calls, identities among
them, but neither constants nor the placeholders of inputs.
"""
import numpy as np
import pytest

from revsig_keras import ConfidenceBuckets
from revsig_keras import Decoy
from revsig_keras import ReverseSigmoid
from tests.revsig_keras import backends

pytestmark = backends.only_on("tensorflow", reason="No other backend has such graphs")

# For 10 classes, for 100 and for 1000: sums over many are made in stages.
CLASSES = 10, 100, 1000
MOST = {
    "default": (ReverseSigmoid, 60, 60, 72),
    "literal": (lambda: ReverseSigmoid(preserve_top1=False), 45, 45, 57),
    "logits": (lambda: ReverseSigmoid(from_logits=True), 74, 82, 88),
    "units": (lambda: ReverseSigmoid(multi_label=True), 57, 57, 57),
    "confidence_buckets": (ConfidenceBuckets, 15, 15, 23),
    "decoy": (Decoy, 16, 16, 34),
    "decoy_logits": (lambda: Decoy(from_logits=True), 19, 19, 33),
}


def operations(function):
    """The types of the operations of a concrete function, and of all functions it calls."""
    graph_def = function.graph.as_graph_def()
    library = {each.signature.name: each.node_def for each in graph_def.library.function}
    types, waiting = [], [graph_def.node]
    while waiting:
        for node in waiting.pop():
            types.append(node.op)
            called = [value.func.name for value in node.attr.values() if value.HasField("func")]
            waiting += [library[name] for name in called]
    return [kind for kind in types if kind not in ("Const", "Placeholder")]


@pytest.mark.parametrize("name", MOST)
def test_a_graph_has_few_operations(name):
    """With a batch of unknown size and of a fixed one."""
    import tensorflow as tf
    make, *most = MOST[name]
    for classes, limit in zip(CLASSES, most):
        for batch in (None, 32):
            spec = tf.TensorSpec((batch, classes))
            function = tf.function(make(), input_signature=[spec]).get_concrete_function()
            found = operations(function)
            assert len(found) <= limit, sorted(found)


def test_operations_of_called_functions_are_counted():
    import tensorflow as tf
    inner = tf.function(lambda x: tf.sin(x) + tf.cos(x))
    outer = tf.function(lambda x: inner(inner(x)), input_signature=[tf.TensorSpec((3,))])
    found = operations(outer.get_concrete_function())
    assert found.count("Sin") == found.count("AddV2") == 2


def test_a_defended_model_adds_no_more():
    """Its layer is called as it is."""
    import keras
    import tensorflow as tf

    from revsig_keras import DefendedModel
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(10, activation="softmax")])
    counts = [
        len(
            operations(
                tf.function(lambda x, each=each: each(x, training=False),
                            input_signature=[tf.TensorSpec((None, 4))]).get_concrete_function()))
        for each in (model, DefendedModel(model))
    ]
    assert np.diff(counts) <= MOST["default"][1]
