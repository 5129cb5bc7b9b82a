"""The objects that Python has after loading a SavedModel, reduced to what its signatures need.

TensorFlow loads variables, tables and functions by the object graph of a SavedModel. With it, a
loaded model can be saved again or frozen; but its functions are those of the original, and clean.
"""
from collections.abc import Collection
import itertools
from typing import Any

from tensorflow.core.framework import function_pb2

from revsig_keras.saved_model import graphs
from revsig_keras.saved_model.signatures import signatures

_SIGNATURES = "signatures"
_DEFAULT = "serving_default"
_GENERIC = "_generic_user_object"
# Kinds of objects that TensorFlow makes itself; Keras would make the clean model of its own kinds.
_PLAIN = frozenset({
    _GENERIC, "signature_map", "trackable_dict_wrapper", "trackable_list_wrapper",
    "trackable_tuple_wrapper"
})
_FUNCTIONS = frozenset({"bare_concrete_function", "function"})


def reduce_objects(meta_graph: Any) -> bool:
    """Leaves variables, resources and the signatures, as the graph has them, and no other function.

    Args:
        meta_graph: A `MetaGraphDef`, which is changed if the result is `True`. Its signatures may
            have lost outputs, or gained defences, since it was read.

    Returns:
        Whether that could be done. It cannot for models of TensorFlow 1, nor where the signatures
        of the graph are not those of the objects.
    """
    objects = meta_graph.object_graph_def
    found = _signature_nodes(objects)
    functions = {}
    for name in signatures(meta_graph):
        function = None
        if name in found:
            function = _function_of(meta_graph, name, objects.nodes[found[name]])
        if function is None:
            return False
        functions[name] = function
    for name, (function, keys) in functions.items():
        node = objects.nodes[found[name]].bare_concrete_function
        original = node.concrete_function_name
        if function is not None:
            meta_graph.graph_def.library.function.append(function)
            node.concrete_function_name = function.signature.name
            details = objects.concrete_functions[function.signature.name]
            details.CopyFrom(objects.concrete_functions[original])
            fields = details.output_signature.dict_value.fields
            for key in set(fields) - set(keys):
                del fields[key]
    _remove_other_objects(objects, set(functions))
    if _DEFAULT in found:
        # `tf.saved_model.save` makes the default signature of it, unless it is given others.
        objects.nodes[0].children.add(node_id=_signature_nodes(objects)[_DEFAULT],
                                      local_name="_default_save_signature")
    return True


def _signature_nodes(objects: Any) -> dict[str, int]:
    """The nodes of the functions that are signatures, by the name of the signature."""
    if not objects.nodes:
        return {}
    roots = [
        child.node_id for child in objects.nodes[0].children if child.local_name == _SIGNATURES
    ]
    return {
        child.local_name: child.node_id for root in roots
        for child in objects.nodes[root].children
        if objects.nodes[child.node_id].WhichOneof("kind") == "bare_concrete_function"
    }


def _function_of(meta_graph: Any, signature: str, node: Any) -> tuple[Any, list[str]] | None:
    """The function that answers as a signature does, and the names of its outputs.

    The function is `None` where the object graph already has it. The result is `None` where the
    function of the object graph does not compute the outputs of the signature.
    """
    outputs = meta_graph.signature_def[signature].outputs
    nodes = {node.name: node for node in meta_graph.graph_def.node}
    library = graphs.library(meta_graph.graph_def)
    original = library.get(node.bare_concrete_function.concrete_function_name)
    details = meta_graph.object_graph_def.concrete_functions.get(
        node.bare_concrete_function.concrete_function_name)
    if original is None or details is None:
        return None
    # By output: the index of the output of the original, and the call of its defence.
    parts: dict[str, tuple[int, Any]] = {}
    for key in sorted(outputs):
        call, index = _computed_by(nodes, outputs[key].name)
        defence = None
        inputs = [] if call is None else graphs.data_inputs(call)
        if len(inputs) == 1 and _called(call) != original.signature.name:
            defence = call
            call, index = _computed_by(nodes, inputs[0])
        if call is None or _called(call) != original.signature.name:
            return None
        parts[key] = index, defence
    keys = list(parts)
    fields = details.output_signature.dict_value.fields
    if not set(keys) <= set(fields):
        return None
    if set(keys) == set(fields) and not any(defence for *_, defence in parts.values()):
        return None if not keys else (None, keys)
    return _changed(original, parts, library), keys


def _computed_by(nodes: dict[str, Any], tensor: str) -> tuple[Any, int]:
    """The node behind any identities that computes a tensor, or `None`, and the output's index."""
    name, _, index = tensor.partition(":")
    while (node := nodes.get(name)) is not None and node.op == "Identity":
        name, _, index = node.input[0].partition(":")
    return node, int(index or 0)


def _called(node: Any) -> str | None:
    return node.attr["f"].func.name if node.op in graphs.CALLS else None


def _changed(original: Any, parts: dict[str, tuple[int, Any]], library: Any) -> Any:
    """A copy of a function with some of its outputs, defended where there is a defence."""
    function = function_pb2.FunctionDef()
    function.CopyFrom(original)
    names = (f"{original.signature.name}_defended_{i}" for i in itertools.count())
    function.signature.name = next(name for name in names if name not in library)
    function.signature.ClearField("output_arg")
    function.ClearField("ret")
    for index, defence in parts.values():
        output = original.signature.output_arg[index]
        tensor = original.ret[output.name]
        if defence is not None:
            node = graphs.call(defence.name, library[_called(defence)], [tensor])
            function.node_def.append(node)
            tensor = f"{node.name}:output:0"
        function.signature.output_arg.append(output)
        function.ret[output.name] = tensor
    return function


def _remove_other_objects(objects: Any, names: Collection[str]) -> None:
    """Removes functions other than signatures and those of resources, and what only they need."""
    for node in objects.nodes:
        _remove_children(objects, node)
    for root in (child.node_id
                 for child in objects.nodes[0].children
                 if child.local_name == _SIGNATURES):
        kept = [child for child in objects.nodes[root].children if child.local_name in names]
        del objects.nodes[root].children[:]
        objects.nodes[root].children.extend(kept)
    reached = _reached(objects)
    numbers = {old: new for new, old in enumerate(sorted(reached))}
    nodes = [objects.nodes[old] for old in sorted(reached)]
    for node in nodes:
        _renumber(node, numbers)
    functions = {name for node in nodes for name in _functions(node)}
    for name in set(objects.concrete_functions) - functions:
        del objects.concrete_functions[name]
    for details in objects.concrete_functions.values():
        details.bound_inputs[:] = [numbers[old] for old in details.bound_inputs]
    copies = [type(node).FromString(node.SerializeToString()) for node in nodes]
    del objects.nodes[:]
    objects.nodes.extend(copies)


def _remove_children(objects: Any, node: Any) -> None:
    """Removes the functions of an object, unless it is a resource or the signatures."""
    kind = node.WhichOneof("kind")
    if kind == "user_object" and node.user_object.identifier not in _PLAIN:
        node.user_object.identifier = _GENERIC
        node.user_object.ClearField("metadata")
        node.ClearField("registered_name")
    if kind == "resource" or kind == "user_object" and (node.user_object.identifier
                                                        == "signature_map"):
        return
    kept = [
        child for child in node.children
        if objects.nodes[child.node_id].WhichOneof("kind") not in _FUNCTIONS
    ]
    del node.children[:]
    node.children.extend(kept)


def _reached(objects: Any) -> set[int]:
    """The nodes that can be reached from the root."""
    waiting, reached = [0], set[int]()
    while waiting:
        number = waiting.pop()
        if number in reached:
            continue
        reached.add(number)
        node = objects.nodes[number]
        waiting += [child.node_id for child in (*node.children, *node.dependencies)]
        for saveable in node.saveable_objects.values():
            waiting += [saveable.save_function, saveable.restore_function]
        for name in _functions(node):
            waiting += objects.concrete_functions[name].bound_inputs
        waiting += [
            slot.slot_variable_node_id
            for slot in node.slot_variables
            if slot.original_variable_node_id in reached
        ]
    return reached


def _functions(node: Any) -> list[str]:
    """The names of the concrete functions of a node."""
    if node.WhichOneof("kind") == "bare_concrete_function":
        return [node.bare_concrete_function.concrete_function_name]
    return list(node.function.concrete_functions)


def _renumber(node: Any, numbers: dict[int, int]) -> None:
    """Gives the nodes that a node refers to their new numbers."""
    for child in (*node.children, *node.dependencies):
        child.node_id = numbers[child.node_id]
    for saveable in node.saveable_objects.values():
        saveable.save_function = numbers[saveable.save_function]
        saveable.restore_function = numbers[saveable.restore_function]
    slots = [
        slot for slot in node.slot_variables
        if {slot.original_variable_node_id, slot.slot_variable_node_id} <= set(numbers)
    ]
    for slot in slots:
        slot.original_variable_node_id = numbers[slot.original_variable_node_id]
        slot.slot_variable_node_id = numbers[slot.slot_variable_node_id]
    copies = [type(slot).FromString(slot.SerializeToString()) for slot in slots]
    del node.slot_variables[:]
    node.slot_variables.extend(copies)
