"""The parts of TensorFlow graphs: nodes, and functions that nodes call."""
from typing import Any, Iterable, Iterator, Sequence

import tensorflow as tf

CALLS = frozenset({"PartitionedCall", "StatefulPartitionedCall"})


def library(graph_def: Any) -> dict[str, Any]:
    """The `FunctionDef`s of a `GraphDef` by name."""
    return {function.signature.name: function for function in graph_def.library.function}


def data_inputs(node: Any) -> list[str]:
    """The names of the tensors that a `NodeDef` gets, without those of operations it waits for."""
    return [name for name in node.input if not name.startswith("^")]


def called(node: Any) -> Iterator[str]:
    """The names of all functions that a `NodeDef` may call, whatever its operation is."""
    yield node.op  # A function of TensorFlow 1 is called by an operation of its name.
    for attribute in node.attr.values():
        if attribute.HasField("func"):
            yield attribute.func.name
        for function in attribute.list.func:
            yield function.name


def function_closure(functions: dict[str, Any], nodes: Iterable[Any]) -> set[str]:
    """The names of all functions that `nodes` call, directly or through others."""
    found: set[str] = set()
    waiting = [name for node in nodes for name in called(node)]
    while waiting:
        name = waiting.pop()
        if name in functions and name not in found:
            found.add(name)
            waiting += [inner for node in functions[name].node_def for inner in called(node)]
    return found


def rename(node: Any, names: dict[str, str]) -> None:
    """Makes a `NodeDef` call functions by their new `names`."""
    node.op = names.get(node.op, node.op)
    for attribute in node.attr.values():
        functions = [attribute.func] if attribute.HasField("func") else attribute.list.func
        for function in functions:
            function.name = names.get(function.name, function.name)


def call(name: str, function: Any, inputs: Sequence[str]) -> Any:
    """A `NodeDef` that calls a `FunctionDef` on the tensors `inputs`."""
    signature = function.signature
    kind = "StatefulPartitionedCall" if signature.is_stateful else "PartitionedCall"
    node = tf.compat.v1.NodeDef(name=name, op=kind, input=inputs)
    node.attr["Tin"].list.type.extend(argument.type for argument in signature.input_arg)
    node.attr["Tout"].list.type.extend(output.type for output in signature.output_arg)
    node.attr["f"].func.name = signature.name
    return node
