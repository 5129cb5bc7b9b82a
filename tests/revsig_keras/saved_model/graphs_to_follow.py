"""Small graphs, made as users make them, and what is found of their tensors."""
import contextlib

import tensorflow as tf

from revsig_keras.saved_model import graphs
from revsig_keras.saved_model.data_flow import DataFlow

v1 = tf.compat.v1
DEFENCE = "defend"


@tf.function(autograph=False)
def defend(scores):
    """What is taken for a defence here, by its name alone."""
    return scores / 2


@contextlib.contextmanager
def each_kind():
    """A graph with a tensor for each kind of data: "features", "scores", "defended", "weights"."""
    with tf.Graph().as_default() as graph:
        x = v1.placeholder(tf.float32, (None, 4), "features")
        weights = v1.get_variable("weights", (4, 3))
        y = tf.nn.softmax(x @ weights, name="scores")
        tensors = {"features": x, "scores": y, "defended": defend(y), "weights": weights.value()}
        yield graph, tensors


def flow_of(graph, add_shapes=True, fed=()):
    graph_def = graph.as_graph_def(add_shapes=add_shapes)
    defences = [name for name in graphs.library(graph_def) if f"_{DEFENCE}_" in name]
    return DataFlow(graph_def, defences, fed)


def follow(make, add_shapes=True):
    """What that depends on which `make` makes of a dictionary of tensors, as in `each_kind`."""
    with each_kind() as (graph, tensors):
        made = make(tensors)
        return set(flow_of(graph, add_shapes).of_tensor(made.name))


def follow_function(body, index=0):
    """The same of an output of a function of (features, weights), called through another one."""
    inner = tf.function(body, autograph=False)
    outer = tf.function(lambda x, w: inner(x, w), autograph=False)
    with each_kind() as (graph, tensors):
        made = tf.nest.flatten(outer(tensors["features"], tensors["weights"]))
        return set(flow_of(graph).of_tensor(made[index].name))
