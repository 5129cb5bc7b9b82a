"""Loops whose turns leave a tensor as long as it is, such as those of `tf.map_fn` over rows."""
from typing import Any, Mapping

from revsig_keras.saved_model import graphs
from revsig_keras.saved_model.size_vectors import attr
from revsig_keras.saved_model.size_vectors import COPIES

_LOOPS = frozenset({"While", "StatelessWhile"})


def keeps_size(node: Any, index: int, functions: Mapping[str, Any]) -> bool:
    """Whether an output of a loop is as long as its input of the same index, after any turns.

    That is so where the body passes the input on, or replaces a tensor of it, if it is a list.

    Args:
        node: A `NodeDef`.
        index: The index of the output.
        functions: `FunctionDef`s by name.
    """
    body = functions.get(attr(node, "body").func.name) if node.op in _LOOPS else None
    if body is None:
        return False
    arguments, outputs = body.signature.input_arg, body.signature.output_arg
    inputs = graphs.data_inputs(node)
    if any(each.number_attr or each.type_list_attr for each in (*arguments, *outputs)):
        return False
    if not index < len(outputs) == len(arguments) == len(inputs):
        return False  # A loop that does not fit its body: nothing is certain.
    nodes = {each.name: each for each in body.node_def}
    return _passes_on(body.ret[outputs[index].name], arguments[index].name, nodes)


def replaces_one(node: Any) -> bool:
    """Whether an operation replaces a tensor of a list, which stays as long as it is."""
    return node.op == "TensorListSetItem" and not attr(node, "resize_if_index_out_of_bounds").b


def _passes_on(tensor: str, argument: str, nodes: Mapping[str, Any]) -> bool:
    """Whether a tensor of a body is an argument, but for its contents."""
    node = nodes.get(tensor.split(":")[0])
    if node is None:
        return tensor == argument
    return ((node.op in COPIES or replaces_one(node)) and
            _passes_on(node.input[0], argument, nodes))
