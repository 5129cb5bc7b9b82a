"""A mark is believed only of what does as the defence does that it names."""
import importlib
import json
import sys

import keras
import pytest
import tensorflow as tf

from revsig_keras import Defence
from revsig_keras import make_defence
from revsig_keras import ReverseSigmoid
from revsig_keras.defences.catalogue import DEFENCES
from revsig_keras.saved_model import graphs
from revsig_keras.saved_model import mark

DEFENDED = [name for name in DEFENCES.names if name != "none"]
DTYPES = ("float32", "float16", "bfloat16", "float64")
HEADS = {
    "softmax": ("reverse_sigmoid:beta=.7", (None, 5)),
    "literal": ("reverse_sigmoid:preserve_top1=false", (None, 5)),
    "logits": ("reverse_sigmoid:from_logits=true", (None, 5)),
    "multi_label": ("reverse_sigmoid:multi_label=true", (None, 5)),
    "one unit": ("reverse_sigmoid", (None, 1)),
    "axis": ("reverse_sigmoid:axis=1", (None, 5, 4)),
    "unknown places": ("reverse_sigmoid:axis=1", (None, 5, None)),
    "segmentation": ("reverse_sigmoid", (None, 512, 512, 3)),
    "many classes": ("reverse_sigmoid", (None, 50_000)),
    "fixed batch": ("reverse_sigmoid", (3, 5)),
    "one row": ("reverse_sigmoid", (1, 5)),
    "a row alone": ("reverse_sigmoid", (5,)),
    "its logits": ("reverse_sigmoid:from_logits=true:axis=0", (5,)),
    "classes first": ("reverse_sigmoid:axis=0", (5, None)),
    "classes first of three": ("reverse_sigmoid:axis=-3", (5, None, 2)),
    "a unit of each row": ("reverse_sigmoid:multi_label=true", (None,)),
    "a unit alone": ("reverse_sigmoid:multi_label=true", ()),
}


def graph_of(function, shape=(None, 5), dtype="float32"):
    """The graph of a call, and the name of what it calls that has a mark."""
    return graph_of_call(function, tf.TensorSpec(shape, dtype))


def graph_of_call(function, *specs):
    caller = tf.function(lambda *inputs: function(*inputs), autograph=False)
    graph_def = caller.get_concrete_function(*specs).graph.as_graph_def(add_shapes=True)
    name, = (name for name, one in graphs.library(graph_def).items() if mark.is_marked(one))
    return graph_def, name


def identity(scores):
    return scores


def forged(body, text, shape=(None, 5)):
    """The same of a function that has the mark `text` but does something else."""
    return graph_of(tf.function(body, autograph=False, experimental_implements=text), shape)


def text_of(defence):
    """The mark of a defence."""
    graph_def, name = graph_of(mark.marked(defence))
    return graphs.library(graph_def)[name].attr["_implements"].s.decode()


def mark_of(name, **config):
    return f"revsig_keras.Defence {json.dumps(dict(registered_name=name, config=config))}"


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", DEFENDED)
def test_every_defence_is_known_by_what_it_does(name, dtype):
    layer = make_defence(name)
    defence = type(layer).from_config({**layer.get_config(), "dtype": dtype})
    found = mark.verify(*graph_of(mark.marked(defence), dtype=dtype))
    assert type(found) is type(defence) and found.get_config() == defence.get_config()


@pytest.mark.parametrize("name", DEFENDED)
def test_one_operation_runs_after_the_other(name):
    """So that a server does not hand small ones to other threads."""
    graph_def, function = graph_of(mark.marked(make_defence(name)))
    nodes = [node for node in graphs.library(graph_def)[function].node_def if node.op != "Const"]
    assert len(nodes) > 5
    for earlier, later in zip(nodes, nodes[1:]):
        assert earlier.name in {name.removeprefix("^").split(":")[0] for name in later.input}


@pytest.mark.parametrize("name", HEADS)
def test_every_head_is_tried_on_what_it_expects(name):
    text, shape = HEADS[name]
    found = mark.verify(*graph_of(mark.marked(make_defence(text)), shape))
    assert DEFENCES.make(text).beta == found.beta


@pytest.mark.parametrize("text, shape", [
    ("decoy", (5,)),
    ("decoy:axis=0", (5, None)),
    ("confidence_buckets:axis=0", (5, 3)),
])
def test_the_classes_of_a_code_are_known_wherever_they_are(text, shape):
    graph_def, name = graph_of(mark.marked(make_defence(text)), shape)
    mark.verify(graph_def, name)
    defence, found = mark.read(graphs.library(graph_def)[name])
    assert defence.classes_of(found) == 5


@pytest.mark.parametrize("text, shape", [
    ("reverse_sigmoid", (5,)),
    ("decoy", (5,)),
    ("confidence_buckets:multi_label=true", (None,)),
])
def test_a_row_as_it_is_is_not_defended(text, shape):
    with pytest.raises(ValueError, match="is not <"):
        mark.verify(*forged(identity, text_of(make_defence(text)), shape))


def test_the_output_may_be_of_another_dtype():
    defence = ReverseSigmoid(dtype="mixed_float16")
    assert mark.verify(*graph_of(mark.marked(defence))).compute_dtype == "float16"


@pytest.mark.parametrize("name", DEFENDED)
def test_the_identity_is_no_defence(name):
    with pytest.raises(ValueError, match="is not <"):
        mark.verify(*forged(identity, text_of(make_defence(name))))


@pytest.mark.parametrize("text", ["top_k:k=5", "reverse_sigmoid:beta=1e-12"])
def test_a_defence_that_changes_nothing_is_none(text):
    """Though it does as its mark says; neither if it says that it is on in training."""
    layer = make_defence(text)
    always = type(layer).from_config({**layer.get_config(), "apply_in_training": True})
    for defence in (layer, always):
        with pytest.raises(ValueError, match="leaves all scores as they are|is not <"):
            mark.verify(*forged(identity, text_of(defence)))
        with pytest.raises(ValueError, match="leaves all scores as they are"):
            mark.verify(*graph_of(mark.marked(defence)))


@pytest.mark.parametrize("name", DEFENDED)
def test_a_defence_traced_where_tensors_are_not_compared_is_found_out(name):
    """As in a graph of TensorFlow 1, if it asks by `==` which entries are the same."""
    defence = make_defence(name)

    def without_empty_rows(scores):
        is_empty = tf.reduce_sum(tf.abs(scores), -1, keepdims=True) == 0.0
        return tf.where(is_empty, float("nan"), defence(scores))

    with pytest.raises(ValueError, match="is not <"):
        mark.verify(*forged(without_empty_rows, text_of(defence)))


@pytest.mark.parametrize("claimed", [dict(beta=.9), dict(gamma=.3), dict(preserve_top1=False)])
def test_other_parameters_are_found_out(claimed):
    body = ReverseSigmoid(beta=1)
    assert mark.verify(*forged(body, text_of(body))).beta == 1
    with pytest.raises(ValueError, match="is not <ReverseSigmoid"):
        mark.verify(*forged(body, text_of(ReverseSigmoid(**claimed))))


STRENGTHS = [{}, dict(beta=.9, gamma=1.0), dict(beta=.1, gamma=1.0), dict(beta=1.9, gamma=.02)]


def in_float64(defence):
    """Its answers, rounded to float32."""
    return lambda x: tf.cast(defence(tf.cast(x, tf.float64)), tf.float32)


@pytest.mark.parametrize("strength, classes", [
    *zip(STRENGTHS, (10, 2, 100, 1000)),
    ({}, 1000),
], ids=str)  # yapf: disable
def test_an_exact_computation_by_other_operations_is_known(strength, classes):
    """Though it decides nearly tied rows otherwise: the errors of rounding are others."""
    for from_logits in (False, True):
        defence = ReverseSigmoid(**strength, from_logits=from_logits)
        assert mark.verify(*forged(in_float64(defence), text_of(defence), (None, classes)))


@pytest.mark.parametrize("of_tied_rows", [
    lambda x: tf.cast(tf.equal(x, tf.reduce_max(x, -1, keepdims=True)), tf.float32),
    lambda x: x[:, ::-1],
    lambda x: x**2 / tf.reduce_sum(x**2, -1, keepdims=True),
    lambda x: tf.ones_like(x) / 5,
    lambda x: 0 * x,
    lambda x: x / 0,
    lambda x: x + float("nan"),
], ids=["one_hot", "reversed", "squared", "uniform", "zero", "infinite", "nan"])  # yapf: disable
def test_other_answers_to_nearly_tied_rows_are_found_out(of_tied_rows):
    """Rounding may decide how far such a row is perturbed, but nothing else."""
    defence = ReverseSigmoid()

    def body(x):
        top, second = tf.split(tf.math.top_k(x, 2).values, 2, -1)
        return tf.where(top - second < 2.0**-18 * top, of_tied_rows(x), defence(x))

    with pytest.raises(ValueError, match="is not <ReverseSigmoid"):
        mark.verify(*forged(body, text_of(defence)))


@pytest.mark.parametrize("strength", [
    STRENGTHS[0],
    *(pytest.param(strength, marks=pytest.mark.slow) for strength in STRENGTHS[1:]),
], ids=str)  # yapf: disable
def test_no_strength_passes_for_another_or_for_none(strength):
    defence = ReverseSigmoid(**strength)
    beta, gamma = defence.beta, defence.gamma
    others = [identity, ReverseSigmoid(0.99 * beta, gamma), ReverseSigmoid(beta, 0.95 * gamma)]
    others += [ReverseSigmoid(**other) for other in STRENGTHS if other != strength]
    for other in others:
        with pytest.raises(ValueError, match="is not <ReverseSigmoid"):
            mark.verify(*forged(other, text_of(defence)))


@pytest.mark.parametrize("shape", [(None, 5), (1, 5), (None, 512, 512, 3)])
def test_a_defence_of_the_sure_rows_alone_is_found_out(shape):
    """However many rows are tried, there are unsure ones among them."""
    defence = ReverseSigmoid()

    def body(x):
        return tf.where(tf.reduce_max(x, -1, keepdims=True) > .9, defence(x), x)

    with pytest.raises(ValueError, match="is not <ReverseSigmoid"):
        mark.verify(*forged(body, text_of(defence), shape))


@pytest.mark.parametrize("text", [
    "",
    "{",
    "[]",
    "3",
    "null",
    "{}",
    "[" * 100_000,
    '{"registered_name": "x"}',
    "\u00fc",
    '{"registered_name": ["x"], "config": {}}',
    '{"registered_name": "revsig_keras>ReverseSigmoid", "config": {"beta": 7}}',
    '{"registered_name": "revsig_keras>ReverseSigmoid", "config": {"alpha": 1}}',
    '{"registered_name": "revsig_keras>ReverseSigmoid", "config": null}',
])
def test_a_mark_that_is_broken_is_refused(text):
    with pytest.raises(ValueError, match="its mark cannot be read") as error:
        mark.verify(*forged(identity, f"revsig_keras.Defence {text}"))
    assert len(str(error.value).splitlines()) == 1


@pytest.mark.parametrize("axis", [2, -3])
def test_a_mark_with_an_axis_that_scores_do_not_have_is_refused(axis):
    with pytest.raises(ValueError, match=f"`axis`.*Received: axis={axis}"):
        mark.verify(*forged(identity, mark_of("revsig_keras>ReverseSigmoid", axis=axis)))


def test_a_mark_that_is_no_text_is_refused():
    graph_def, name = graph_of(mark.marked(ReverseSigmoid()))
    function = graphs.library(graph_def)[name]
    function.attr["_implements"].s = b"revsig_keras.Defence \xff\xfe{}"
    with pytest.raises(ValueError, match="its mark cannot be read"):
        mark.verify(graph_def, name)


@pytest.mark.parametrize("name", [
    "Unknown", "other>ReverseSigmoid", "keras>Layer", "revsig_keras>DefendedModel",
    "revsig_keras>Defence", "builtins>eval"
])
def test_what_is_no_defence_is_refused(name):
    with pytest.raises(ValueError, match="is no known defence"):
        mark.verify(*forged(identity, mark_of(name)))


def test_a_mark_imports_nothing(tmp_path, monkeypatch):
    """Neither its class nor what its configuration holds."""
    (tmp_path / "evil.py").write_text("class Defence:\n  pass\n")
    monkeypatch.syspath_prepend(tmp_path)
    importlib.invalidate_caches()
    other = {"module": "evil", "class_name": "Defence", "registered_name": "Defence", "config": {}}
    marks = [
        mark_of("evil>Defence"),
        mark_of("evil.Defence"),
        mark_of("revsig_keras>ReverseSigmoid", dtype=other),
        mark_of("revsig_keras>ReverseSigmoid", beta=other)
    ]
    for text in marks:
        with pytest.raises(ValueError, match="its mark cannot be read"):
            mark.verify(*forged(identity, text))
    assert "evil" not in sys.modules


def test_a_function_that_leaks_the_top_entry_is_found_out():
    """Which is a small part of all entries."""
    defence = ReverseSigmoid()

    def body(x):
        return tf.where(x == tf.reduce_max(x, -1, keepdims=True), x, defence(x))

    with pytest.raises(ValueError, match="is not <ReverseSigmoid"):
        mark.verify(*forged(body, text_of(defence), (None, 2000)))


@pytest.mark.parametrize("text", ["confidence_buckets", "decoy"])
def test_a_coded_defence_that_leaks_in_the_low_bits_is_found_out(text):
    """Though it is equal but for rounding."""
    defence = make_defence(text)

    def body(x):
        return defence(x) * (1 + 1e-6 * x)

    with pytest.raises(ValueError, match="answers that are none of its constants: 4.. of them"):
        mark.verify(*forged(body, text_of(defence)))


def test_a_defence_of_somebody_else_is_known_once_it_is_registered():
    with keras.saving.CustomObjectScope({}):
        text = text_of(Mixed())
        with pytest.raises(ValueError, match="is no known defence"):
            mark.verify(*forged(lambda x: x / 2 + 0.1, text))
    with keras.saving.CustomObjectScope({"Mixed": Mixed}):
        assert isinstance(mark.verify(*graph_of(mark.marked(Mixed()))), Mixed)


class Mixed(Defence):
    """Half of it uniform."""

    def perturb(self, probabilities):
        return probabilities / 2 + 0.5 / probabilities.shape[-1]


def refuse(body, *specs):
    """What has the mark of a defence, but is a function of something else."""
    text = text_of(ReverseSigmoid())
    function = tf.function(body, autograph=False, experimental_implements=text)
    with pytest.raises(ValueError, match="has to depend on scores alone"):
        mark.verify(*graph_of_call(function, *specs))


SCORES = tf.TensorSpec((None, 5), tf.float32)


def test_a_function_of_more_than_the_scores_is_refused():
    defence = ReverseSigmoid()
    refuse(lambda x, y: defence(x) + 0 * y, SCORES, SCORES)


def test_a_function_of_more_than_one_output_is_refused():
    """The second could be the scores as they are."""
    refuse(lambda x: (ReverseSigmoid()(x), x), SCORES)


def test_a_function_of_nothing_is_refused():
    refuse(lambda x: tf.zeros((512, 5)), SCORES)


def test_a_function_that_reads_a_variable_is_refused():
    """What it holds may be another thing when it is served."""

    def body(x):
        handle = tf.raw_ops.VarHandleOp(dtype=tf.float32, shape=(), shared_name="on")
        return x * tf.raw_ops.ReadVariableOp(resource=handle, dtype=tf.float32)

    refuse(body, SCORES)


def test_a_function_that_fails_is_refused():

    def body(x):
        with tf.control_dependencies([tf.debugging.Assert(tf.reduce_all(x < 0), ["on purpose"])]):
            return tf.identity(x)

    with pytest.raises(ValueError, match="fails") as error:
        mark.verify(*forged(body, text_of(ReverseSigmoid())))
    assert len(str(error.value).splitlines()) == 1
