"""Puts a defence into the graph of a finished SavedModel."""
from typing import Any, Collection

import tensorflow as tf

from revsig_keras.defences.base import Defence
from revsig_keras.export.object_graph import reduce_objects
from revsig_keras.saved_model import graphs
from revsig_keras.saved_model.mark import marked
from revsig_keras.saved_model.signatures import INIT_SIGNATURE
from revsig_keras.saved_model.signatures import TRAIN_SIGNATURE

_MAIN_OP = "saved_model_main_op"
_NAME = "revsig_keras_defence"


def defend_tensor(meta_graph: Any, tensor: str, defence: Defence, shape: Collection[int | None],
                  dtype: str) -> str:
    """Adds a call of the defence to the graph, on a tensor of scores.

    The rest of the graph is not touched and need not be known here, neither operations nor
    variables.

    Args:
        meta_graph: A `MetaGraphDef`, which is changed.
        tensor: Name of the tensor, such as "softmax:0".
        defence: The defence. Its output has to be of the dtype of the scores.
        shape: The shape of the scores.
        dtype: The dtype of the scores.

    Returns:
        The name of the perturbed tensor.
    """
    graph_def = meta_graph.graph_def
    taken = {node.name for node in graph_def.node} | set(graphs.library(graph_def))
    prefix = next(name for name in (f"{_NAME}_{i}" for i in range(len(taken) + 1))
                  if not any(other.startswith(name) for other in taken))
    functions, name = _functions(defence, shape, dtype, prefix)
    graph_def.library.function.extend(functions.values())
    call = graphs.call(f"{prefix}_call", functions[name], [tensor])
    # TensorFlow puts a function that reads variables in line only if another operation waits for
    # its call; a control edge that is beside one of data does not count.
    waits = f"^{tensor.partition(':')[0]}"
    answers = graph_def.node.add(name=prefix, op="Identity", input=[call.name, waits])
    answers.attr["T"].type = call.attr["Tout"].list.type[0]
    graph_def.node.append(call)
    return f"{prefix}:0"


def _functions(defence: Defence, shape: Collection[int | None], dtype: str,
               prefix: str) -> tuple[dict[str, Any], str]:
    """The functions of a defence by name, and the name of the one to call."""
    function = marked(defence)
    # Not in a `tf.Graph`: there, `==` would not compare tensors.
    caller = tf.function(lambda scores: function(scores), autograph=False)
    traced = caller.get_concrete_function(tf.TensorSpec(shape, dtype)).graph.as_graph_def()
    library = graphs.library(traced)
    node, = (node for node in traced.node if node.op in graphs.CALLS)
    names = {name: f"{prefix}_{i}" for i, name in enumerate(library)}
    called = graphs.function_closure(library, [node])
    for function in library.values():
        function.signature.name = names[function.signature.name]
        for inner in function.node_def:
            graphs.rename(inner, names)
            # Nothing is trained through a served model, so it needs no custom gradients.
            inner.attr.pop("_gradient_op_type", None)
    return {names[name]: library[name] for name in sorted(called)}, names[node.attr["f"].func.name]


def leave_signatures_only(meta_graph: Any) -> None:
    """Removes from a graph all that could be called besides the signatures to be served.

    `tf.saved_model.load(path)` then has `signatures`, and no other functions. It still has the
    variables and resources of a model of TensorFlow 2, which can be saved again or frozen.
    """
    if not reduce_objects(meta_graph):
        # TensorFlow then loads it like a model of TensorFlow 1.
        meta_graph.ClearField("object_graph_def")
    meta_graph.meta_info_def.function_aliases.clear()
    # That loader takes the initialiser for a signature; the collection names it as well.
    if INIT_SIGNATURE in meta_graph.signature_def:
        name = meta_graph.signature_def[INIT_SIGNATURE].outputs[INIT_SIGNATURE].name
        del meta_graph.signature_def[INIT_SIGNATURE]
        if _MAIN_OP not in meta_graph.collection_def:
            meta_graph.collection_def[_MAIN_OP].node_list.value.append(name)
    meta_graph.signature_def.pop(TRAIN_SIGNATURE, None)
    graph_def = meta_graph.graph_def
    library = graphs.library(graph_def)
    kept = set(meta_graph.object_graph_def.concrete_functions)
    needed = kept | graphs.function_closure(
        library, [*graph_def.node, *(node for name in kept for node in library[name].node_def)])
    del graph_def.library.function[:]
    graph_def.library.function.extend(library[name] for name in library if name in needed)
    gradients = [
        gradient for gradient in graph_def.library.gradient
        if {gradient.function_name, gradient.gradient_func} <= needed
    ]
    del graph_def.library.gradient[:]
    graph_def.library.gradient.extend(gradients)
    graph_def.library.ClearField("registered_gradients")
