"""What reaches an output, and as what."""
import pytest
import tensorflow as tf
from tensorflow.python.framework.function import Defun

from revsig_keras.saved_model import graphs
from revsig_keras.saved_model.data_flow import DataFlow
from revsig_keras.saved_model.data_flow import DEFENDED
from revsig_keras.saved_model.data_flow import INPUT
from revsig_keras.saved_model.data_flow import LABEL
from revsig_keras.saved_model.data_flow import STATE
from tests.revsig_keras.saved_model.graphs_to_follow import defend
from tests.revsig_keras.saved_model.graphs_to_follow import each_kind
from tests.revsig_keras.saved_model.graphs_to_follow import follow
from tests.revsig_keras.saved_model.graphs_to_follow import follow_function
from tests.revsig_keras.saved_model.graphs_to_follow import v1

NAMES = ("ant", "bee", "cat")


def label(y):
    return tf.argmax(y, -1)


# What is made of the tensors, and all that it depends on.
FOLLOWED = {
    "echo": (lambda t: tf.identity(t["features"]), {INPUT}),
    "scores": (lambda t: t["scores"], {INPUT, STATE}),
    "digits": (lambda t: tf.strings.as_string(t["scores"]), {INPUT, STATE}),
    "default": (lambda t: v1.placeholder_with_default(tf.zeros(3), (3,)), {INPUT}),
    "constant": (lambda t: tf.constant(NAMES) + "s", set()),
    "weights": (lambda t: 2 * t["weights"], {STATE}),
    "label": (lambda t: label(t["scores"]), {LABEL}),
    "label by name": (lambda t: tf.gather(NAMES, label(t["scores"])), {LABEL}),
    "weights by label": (lambda t: tf.gather(t["weights"], label(t["scores"])), {LABEL, STATE}),
    "label and scores": (lambda t: label(t["scores"]) + tf.cast(t["scores"][0, 0], "int64"),
                         {INPUT, LABEL, STATE}),
    "score of the label": (lambda t: tf.gather(t["scores"], label(t["scores"]), batch_dims=1),
                           {INPUT, LABEL, STATE}),
    "lowest": (lambda t: tf.argmin(t["scores"], -1), {INPUT, STATE}),
    "defended": (lambda t: t["defended"], {DEFENDED}),
    "top-k of defended": (lambda t: tf.math.top_k(t["defended"], 2).values, {DEFENDED}),
    "ranks of defended": (lambda t: tf.math.top_k(t["defended"], 2).indices, {DEFENDED}),
    "top-k of clean": (lambda t: tf.math.top_k(t["scores"], 2).values, {INPUT, STATE}),
    "ranks of clean": (lambda t: tf.math.top_k(t["scores"], 2).indices, {INPUT, STATE}),
    "defended beside clean": (lambda t: tf.concat([t["defended"], t["scores"]], 0),
                              {DEFENDED, INPUT, STATE}),
    "label and defended": (lambda t: tf.gather(t["defended"], label(t["scores"]), batch_dims=1),
                           {DEFENDED, LABEL}),
}  # yapf: disable


@pytest.mark.parametrize("name", FOLLOWED)
def test_what_an_output_depends_on(name):
    make, expected = FOLLOWED[name]
    assert follow(make) == expected


# What ranks scores, and whether its output is a label.
AXES = {
    "last": (lambda t: tf.argmax(t["scores"], -1), True),
    "last by number": (lambda t: tf.argmax(t["scores"], 1), True),
    "last of three": (lambda t: tf.argmax(t["scores"][:, None], 2), True),
    "last, then shaped": (lambda t: tf.argmax(t["scores"], 1)[:, None], True),
    "batch": (lambda t: tf.argmax(t["scores"], 0), False),
    "batch, then one": (lambda t: tf.argmax(t["scores"], 0)[0], False),
    "middle": (lambda t: tf.argmax(t["scores"][:, None], 1), False),
    "middle, then one": (lambda t: tf.argmax(t["scores"][:, None], 1)[:, 0], False),
    "computed": (lambda t: tf.raw_ops.ArgMax(input=t["scores"], dimension=tf.rank(t["scores"]) - 1),
                 False),
    "first": (lambda t: tf.math.top_k(t["scores"], 1).indices, True),
    "first inside": (tf.function(lambda t: tf.math.top_k(t["scores"], 1).indices[:, 0]), True),
    "value of the first": (lambda t: tf.math.top_k(t["scores"], 1).values, False),
    "value inside": (tf.function(lambda t: tf.math.top_k(t["scores"], 1).values[:, 0]), False),
    "first two": (lambda t: tf.math.top_k(t["scores"], 2).indices, False),
    "first few": (lambda t: tf.math.top_k(t["scores"], tf.rank(t["scores"]) - 1).indices, False),
}  # yapf: disable


@pytest.mark.parametrize("name", AXES)
def test_a_label_is_the_argmax_over_the_last_axis(name):
    make, is_label = AXES[name]
    assert (follow(make) == {LABEL}) == is_label
    assert (INPUT in follow(make)) != is_label


def test_without_shapes_only_the_axis_minus_one_is_known_to_be_the_last():
    assert follow(AXES["last"][0], add_shapes=False) == {LABEL}
    assert INPUT in follow(AXES["last by number"][0], add_shapes=False)


# What depends on the shape of a request alone, so the client knows it, and what does not.
SHAPES = {
    "rows": (lambda t: tf.shape(t["scores"])[0], set()),
    "zeros": (lambda t: tf.zeros_like(t["scores"]) + (1.0, 2.0, 3.0), set()),
    "names of each row": (lambda t: tf.tile([NAMES], [tf.shape(t["scores"])[0], 1]), set()),
    "shape of a shape": (lambda t: tf.size(tf.reshape(t["scores"], (-1, tf.shape(t["scores"])[1]))),
                         set()),
    "of defended": (lambda t: tf.shape(t["defended"]), {DEFENDED}),
    "count": (lambda t: tf.shape(tf.where(t["scores"] > 0.5))[0], {INPUT, STATE}),
    "size": (lambda t: tf.size(tf.boolean_mask(t["scores"], t["scores"] > 0.5)), {INPUT, STATE}),
    "range": (lambda t: tf.size(tf.range(1000 * t["scores"][0, 0])), {INPUT, STATE}),
    "fill": (lambda t: tf.shape(tf.fill([tf.cast(1000 * t["scores"][0, 0], "int32")], 0)),
             {INPUT, STATE}),
    "zeros of a mask": (lambda t: tf.zeros_like(tf.where(t["scores"] > 0.5)), {INPUT, STATE}),
    "tiles": (lambda t: tf.size(tf.tile([0], [tf.cast(9 * t["scores"][0, 0], "int32")])),
              {INPUT, STATE}),
    "columns": (lambda t: tf.shape(t["weights"][:tf.cast(9 * t["scores"][0, 0], "int32")]),
                {INPUT, STATE}),
    "unique": (lambda t: tf.size(tf.unique(tf.round(t["scores"][0])).y), {INPUT, STATE}),
}  # yapf: disable


@pytest.mark.parametrize("name", SHAPES)
def test_a_shape_tells_what_it_is_computed_from(name):
    make, expected = SHAPES[name]
    assert follow(make) == expected


def test_shapes_are_followed_through_calls():
    """As the one who calls gives them."""
    size = tf.function(lambda x: tf.shape(tf.nn.relu(x))[0], autograph=False)
    assert follow(lambda t: size(t["scores"])) == set()
    assert follow(lambda t: size(tf.where(t["scores"] > 0.5))) == {INPUT, STATE}


def body(x, weights):
    """One output of each kind."""
    y = tf.nn.softmax(x @ weights)
    return weights, tf.argmax(y, -1), y, defend(y), tf.constant(1), tf.shape(x)


KINDS = ({STATE}, {LABEL}, {INPUT, STATE}, {DEFENDED}, set(), set())


@pytest.mark.parametrize("index", range(len(KINDS)))
def test_each_output_of_a_call_is_followed_on_its_own(index):
    assert follow_function(body, index) == KINDS[index]


@pytest.mark.parametrize("index", range(len(KINDS)))
def test_each_output_of_a_function_is_followed_on_its_own(index):
    """Its last arguments may be bound to variables."""
    function = tf.function(body, autograph=False)
    with tf.Graph().as_default() as graph:
        function(tf.zeros((1, 4)), tf.zeros((4, 3)))
        graph_def = graph.as_graph_def(add_shapes=True)
    defences = [name for name in graphs.library(graph_def) if "_defend_" in name]
    name, = (name for name in graphs.library(graph_def) if "_body_" in name)
    assert DataFlow(graph_def, defences).of_function(name, bound=1)[index] == KINDS[index]
    unbound = DataFlow(graph_def, defences).of_function(name)[index]
    assert unbound == {INPUT if origin == STATE else origin for origin in KINDS[index]}


def test_functions_of_tensorflow_1_are_followed():
    """They are operations of their own."""
    split = Defun(tf.float32, func_name="split")(lambda y: (tf.argmax(y, -1), y))
    assert follow(lambda t: split(t["scores"])[0]) == {LABEL}
    assert follow(lambda t: split(t["scores"])[1]) == {INPUT, STATE}


def test_calls_of_defences_that_nobody_verified_are_followed():
    with each_kind() as (graph, tensors):
        flow = DataFlow(graph.as_graph_def())
        assert flow.of_tensor(tensors["defended"].name) == {INPUT, STATE}
