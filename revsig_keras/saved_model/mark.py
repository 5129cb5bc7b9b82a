"""The mark of a defence in a SavedModel: a function that names the defence it computes.

A defence is exported as a function of the graph's library whose attribute `_implements` holds its
configuration. The mark alone proves nothing: `verify` runs the function and compares it with the
layer that its configuration makes.
"""
import json
import math
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from revsig_keras.defences.base import Defence
from revsig_keras.defences.coded.base import CodedDefence
from revsig_keras.defences.numerics.probabilities import epsilon
from revsig_keras.defences.numerics.probabilities import Tensor
from revsig_keras.errors import first_line
from revsig_keras.saved_model import graphs
from revsig_keras.saved_model.data_flow import DataFlow
from revsig_keras.saved_model.data_flow import INPUT
from revsig_keras.saved_model.data_flow import LABEL
from revsig_keras.saved_model.signatures import known_dtype

_ATTRIBUTE = "_implements"
_PREFIX = "revsig_keras.Defence "
_ROWS = 512
_ENTRIES = 2**21  # In all rows together, unless a single row has more.
# Where a score lies halfway between two roundings, the last bit decides.
_AGREEING = 0.99
_CLASSES = 10  # Where the function takes any number of classes.


def marked(defence: Defence) -> Any:
    """Returns a `tf.function` that perturbs scores by `defence` and carries its mark."""
    config = {
        "registered_name": keras.saving.get_registered_name(type(defence)),
        "config": defence.get_config(),
    }
    text = _PREFIX + json.dumps(config, default=keras.saving.serialize_keras_object, sort_keys=True)

    def revsig_keras_defence(scores: Tensor) -> Tensor:
        answers = defence(scores, training=False)
        _run_in_turn(scores.graph)
        return answers

    return tf.function(revsig_keras_defence, autograph=False, experimental_implements=text)


def _run_in_turn(graph: tf.Graph) -> None:
    """Lets each operation wait for the one made before it.

    Wherever two are ready, a server hands one to another thread. For operations as small as those
    of a defence this costs more than it saves.
    """
    made = [each for each in graph.get_operations() if each.type not in ("Const", "Placeholder")]
    for earlier, later in zip(made, made[1:]):
        if all(tensor.op is not earlier for tensor in later.inputs):
            later._add_control_input(earlier)  # pylint: disable=protected-access


def is_marked(function: Any) -> bool:
    """Whether a `FunctionDef` has a mark."""
    return _ATTRIBUTE in function.attr and function.attr[_ATTRIBUTE].s.startswith(_PREFIX.encode())


def read(function: Any) -> tuple[Defence, tuple[int, ...]]:
    """Returns the defence that a mark names, and a shape of scores that the function takes.

    Args:
        function: A marked `FunctionDef`, which `verify` has accepted.
    """
    defence = _defence(function)
    shape, batch = _shape(function, defence)
    return defence, shape if batch else shape[1:]


def verify(graph_def: Any, name: str) -> Defence:
    """Returns the defence that the mark of the function `name` names, once it has been tried.

    It is called on some hundred rows, hostile rows among them. (A function that was made to answer
    these very rows like the defence is not detected.) The answers of a coded defence must be its
    constants, to the bit, and no more of them than it can have.

    Args:
        graph_def: A `GraphDef`.
        name: The name of a marked function of its library.

    Raises:
        ValueError: If the function is not that defence.
    """
    function = graphs.library(graph_def)[name]
    defence = _defence(function)
    outputs = DataFlow(graph_def).of_function(name)
    is_of_one = len(function.signature.input_arg) == len(outputs) == 1
    if not is_of_one or not outputs[0] or not outputs[0] <= {INPUT, LABEL}:
        raise ValueError("the function marked as a defence has to depend on scores alone")
    dtype = known_dtype(function.signature.input_arg[0].type, "the scores of a defence")
    shape, batch = _shape(function, defence)
    layer = _with_axis_from_the_end(defence, len(shape) if batch else len(shape) - 1)
    scores = tf.cast(_scores(layer, shape), dtype)
    try:
        least, most = layer.answers_within_rounding(scores)
        got = _run(graph_def, name, scores, batch)
    except (tf.errors.OpError, ValueError) as error:
        raise ValueError("the function marked as a defence fails: "
                         f"{str(error).strip().splitlines()[0]}") from error
    # The same operations, but compiled, and perhaps by another version.
    tolerance = max(1e-5, 4 * epsilon(least.dtype.name))
    least, most, got = (np.asarray(tf.cast(x, tf.float64)) for x in (least, most, got))
    is_close = got.shape == least.shape and _AGREEING <= _fraction_close(
        got, (least, most), tolerance, layer)
    if not is_close:
        raise ValueError(f"the function marked as a defence is not {defence!r}")
    if isinstance(defence, CodedDefence):
        _check_code(layer, got)
    clean = np.asarray(tf.cast(layer.clean(scores), tf.float64))
    usual = slice(0, len(clean) - 2 * _few(len(clean)))
    if _fraction_close(got[usual], (clean[usual],) * 2, tolerance, layer) == 1:
        raise ValueError(f"{defence!r} leaves all scores as they are: choose a stronger one")
    return defence


def _check_code(defence: CodedDefence, answers: np.ndarray) -> None:
    """Raises `ValueError` if answers tell more than a label and a bucket, such as by low bits."""
    most = defence.most_answers(defence.classes_of(answers.shape))
    distinct, strays = defence.count(answers)
    if strays or distinct > most:
        raise ValueError(f"the function marked as {defence!r} gives answers that are none of its "
                         f"constants: {strays} of them; {distinct} different ones, of at most "
                         f"{most}")


def _defence(function: Any) -> Defence:
    """The defence that a mark names; its class has to be registered, and is never imported."""
    try:
        mark = json.loads(function.attr[_ATTRIBUTE].s.removeprefix(_PREFIX.encode()))
        kind = keras.saving.get_registered_object(mark["registered_name"])
        if not (isinstance(kind, type) and issubclass(kind, Defence)):
            raise ValueError(f"{mark['registered_name']} is no known defence. Register its class "
                             "by `keras.saving.register_keras_serializable`")
        return kind.from_config(mark["config"])
    except Exception as error:  # pylint: disable=broad-except
        # Whatever raises here, the text is no mark.
        raise ValueError(f"its mark cannot be read: {first_line(error)}") from error


def _with_axis_from_the_end(defence: Defence, rank: int) -> Defence:
    """The defence, or a copy whose axis stays that of the classes where rows are stacked."""
    if defence.multi_label or defence.axis < 0:
        return defence
    copy = type(defence).from_config(defence.get_config())
    copy.axis = defence.axis - rank
    return copy


def _shape(function: Any, defence: Defence) -> tuple[tuple[int, ...], int]:
    """The shape of scores to try a function on, and the number of rows it takes at a time.

    That number is 0 for a function of one row, without an axis of the rows.

    Raises:
        ValueError: If the defence does not take such scores.
    """
    attribute = function.arg_attr[0].attr.get("_output_shapes")
    shapes = attribute.list.shape if attribute else function.attr["_input_shapes"].list.shape
    sizes = [-1, _CLASSES]
    if shapes and not shapes[0].unknown_rank:
        sizes = [dim.size for dim in shapes[0].dim]
    axis = -1 if defence.multi_label else defence.axis
    is_one_row = not sizes or axis in (0, -len(sizes))
    batch, *sizes = [0, *sizes] if is_one_row else sizes
    sizes = [size if size > 0 else 3 for size in sizes]
    rows = max(1, min(_ROWS, _ENTRIES // math.prod(sizes)))
    if batch > 0:
        rows = max(1, rows // batch) * batch
    defence.check_input(sizes if is_one_row else (rows, *sizes))
    return (rows, *sizes), batch if batch > 0 or is_one_row else rows


def _scores(defence: Defence, shape: tuple[int, ...]) -> np.ndarray:
    """Rows of the kind that the defence expects: ordinary, saturated, nearly tied, and spoilt."""
    generator = np.random.default_rng(0)
    axis = -1 if defence.multi_label else defence.axis
    places = list(shape)
    if not defence.multi_label:
        places[axis] = 1
    scales = np.geomspace(0.01, 60, math.prod(places)).reshape(places)
    logits = generator.normal(size=shape) * scales
    # In a quarter of the rows, two classes are nearly equal.
    classes = np.moveaxis(logits, axis, 0)
    if len(classes) > 1 and not defence.multi_label:
        near = classes[:, :shape[0] // 4]
        near[0] = near.max(axis=0)
        near[1] = near[0] * (1 - 2.0**-20)
    if defence.from_logits:
        scores, empty = logits, -np.inf
    elif defence.multi_label or logits.shape[defence.axis] == 1:
        scores, empty = 1 / (1 + np.exp(-logits)), 0.0
    else:
        exponentials = np.exp(logits - logits.max(axis=defence.axis, keepdims=True))
        scores, empty = exponentials / exponentials.sum(axis=defence.axis, keepdims=True), 0.0
    spoilt = scores[len(scores) - 2 * _few(len(scores)):]
    spoilt[::2], spoilt[1::2] = np.nan, empty
    return scores


def _few(rows: int) -> int:
    """The number of rows without any mass among `rows`, and of rows of NaN."""
    return rows // 32


def _fraction_close(x: np.ndarray, ends: tuple[np.ndarray, np.ndarray], tolerance: float,
                    defence: Defence) -> float:
    """The fraction of the rows that lie between two answers to them but for rounding."""
    low, high = np.minimum(*ends), np.maximum(*ends)
    is_nan = np.logical_and(np.isnan(x), np.isnan(low))
    close = np.logical_or(is_nan, np.isclose(x, np.clip(x, low, high), tolerance, 1e-7))
    return np.all(close, axis=-1 if defence.multi_label else defence.axis).mean()


def _run(graph_def: Any, name: str, scores: Tensor, batch: int) -> np.ndarray:
    """The values of the function `name` of a graph, called on `batch` rows at a time.

    If that is 0, it is called on one row, without an axis of the rows.
    """
    functions = graphs.library(graph_def)
    part = tf.compat.v1.GraphDef(versions=graph_def.versions)
    argument = part.node.add(name="scores", op="Placeholder")
    argument.attr["dtype"].type = scores.dtype.as_datatype_enum
    part.node.append(graphs.call("call", functions[name], [argument.name]))
    needed = graphs.function_closure(functions, part.node)
    part.library.function.extend(functions[inner] for inner in sorted(needed))
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        tf.graph_util.import_graph_def(part, name="")
        rows = scores.numpy()
        parts = np.split(rows, range(batch, len(rows), batch)) if batch else rows
        answers = [session.run("call:0", {"scores:0": part}) for part in parts]
        return np.concatenate(answers) if batch else np.stack(answers)
