"""Follows data through a graph, from its outputs back to its inputs."""
import dataclasses
from typing import Any, Collection, Iterator, Sequence

import tensorflow as tf

from revsig_keras.saved_model import batch_flow
from revsig_keras.saved_model import graphs
from revsig_keras.saved_model import loops
from revsig_keras.saved_model.batch_flow import FIRST
from revsig_keras.saved_model.batch_flow import LENGTH
from revsig_keras.saved_model.batch_flow import SHAPE
from revsig_keras.saved_model.batch_flow import SIZE
from revsig_keras.saved_model.batch_flow import VALUE
from revsig_keras.saved_model.shape_flow import shape_depends_on
from revsig_keras.saved_model.state import may_read
from revsig_keras.saved_model.state import may_write

INPUT = "input"  # Sent by a client.
STATE = "state"  # Variables and tables.
LABEL = "label"  # The index of the largest of some scores.
DEFENDED = "defended"  # The output of a defence.

# Operations that tell only the shape of their input.
_SHAPES = frozenset({"Shape", "ShapeN", "Size", "Rank", "ZerosLike", "OnesLike"})
_COPIES = frozenset({"Identity", "IdentityN", "Cast"})
_INPUTS = frozenset({"Placeholder", "PlaceholderV2", "PlaceholderWithDefault"})
_SWITCHES = frozenset({"Switch", "RefSwitch", "_SwitchN"})
_MERGES = frozenset({"Merge", "RefMerge"})

# `STATE` and so on, or an argument of a function: its index, and which aspect of it matters.
_Origin = str | tuple[int, str]
# Aspects that tell of what is in a tensor.
_CONTENTS = (VALUE, FIRST, LENGTH)
# Stands, with the name of the function, for `DEFENDED`.
_BY = "by "


@dataclasses.dataclass(frozen=True, eq=False)
class _Body:
    """The nodes of a graph or a function by name, and the names of its arguments."""
    nodes: dict[str, Any]
    arguments: tuple[str, ...] = ()

    def node_of(self, tensor: str) -> Any:
        """The node that computes a tensor; `None` if it is an argument, or there is none."""
        return self.nodes.get(tensor.split(":")[0])


class DataFlow:
    """Which of `INPUT`, `STATE`, `LABEL` and `DEFENDED` each output of a graph depends on.

    Data are followed from an output backwards through all operations and into the functions they
    call. They are not followed through

    - a call of one of `defences`: data behind it reach the output defended;
    - an `ArgMax` over the last axis, or the index of the first of one (`TopKV2`): data behind it
      reach the output as a label;
    - operations that give the shape of a tensor, where that shape follows from other shapes, or the
      size of its first dimension, where that follows from other first dimensions, also through a
      loop over the rows.

    Any other operation, known or not, is taken to depend on all of its inputs, loops and branches
    included. An output without `INPUT` is therefore certain to be computed only from labels,
    defended scores and constants of the model. What such an `ArgMax` ranks is not examined, and the
    rows that reach a defence are not counted.

    Args:
        graph_def: A `GraphDef`.
        defences: The names of its functions that are defences.
        fed: The names of tensors that clients feed besides placeholders.
    """

    def __init__(self, graph_def: Any, defences: Collection[str] = (), fed: Collection[str] = ()):
        self._library = graphs.library(graph_def)
        nodes = {node.name: node for node in graph_def.node}
        for name in {tensor.split(":")[0] for tensor in fed} & set(nodes):
            nodes[name] = tf.compat.v1.NodeDef(name=name, op="Placeholder")
        self._graph = _Body(nodes)
        self._defences = frozenset(defences)
        self._bodies: dict[str, _Body] = {}
        self._functions: dict[tuple[str, str], list[frozenset[_Origin]]] = {}

    def of_tensor(self, name: str) -> frozenset[str]:
        """The origins of the tensor `name` of the graph, such as "softmax:0"."""
        return frozenset(
            _kind(origin)
            for origin in self._origins(self._graph, name, VALUE)
            if isinstance(origin, str))

    def of_function(self, name: str, bound: int = 0) -> list[frozenset[str]]:
        """The origins of each output of a function; its last `bound` arguments are state."""
        inputs = len(self._library[name].signature.input_arg) - bound
        return [
            frozenset(
                _kind(origin) if isinstance(origin, str) else INPUT if origin[0] < inputs else STATE
                for origin in origins
                if isinstance(origin, str) or origin[1] in _CONTENTS)
            for origins in self._summary(name, VALUE)
        ]

    def defences_of_tensor(self, name: str) -> frozenset[str]:
        """The defences that data pass on their way to the tensor `name` of the graph."""
        return _passed(self._origins(self._graph, name, VALUE))

    def defences_of_function(self, name: str) -> list[frozenset[str]]:
        """The defences that data pass on their way to each output of a function."""
        return [_passed(origins) for origins in self._summary(name, VALUE)]

    def tensors_store(self, names: Collection[str]) -> bool:
        """Whether a request for these tensors of the graph may change the state."""
        return self._writes(list(_executed(self._graph, *names)))

    def function_stores(self, name: str, bound: int = 0) -> bool:
        """Whether a call of a function may keep inputs in the state; see `of_function`."""
        function = self._library[name]
        return len(function.signature.input_arg) > bound and self._writes(function.node_def)

    def computed_by(self, tensor: str) -> str | None:
        """The operation that computes a tensor of the graph, through calls and copies."""
        body, seen = self._graph, set[tuple[_Body, str]]()
        while tensor.split(":")[0] in body.nodes and (body, tensor) not in seen:
            seen.add((body, tensor))
            node = body.nodes[tensor.split(":")[0]]
            function = self._called(node)
            if function is None and node.op not in _COPIES:
                return node.op
            index = self._index(node, function, tensor)
            if function is None:
                if index >= len(node.input):
                    return None
                tensor = node.input[index]
            else:
                outputs = self._library[function].signature.output_arg
                if index >= len(outputs):
                    return None
                body, tensor = self._body(function), self._library[function].ret[
                    outputs[index].name]
        return None

    def _body(self, name: str) -> _Body:
        if name not in self._bodies:
            function = self._library[name]
            arguments = tuple(argument.name for argument in function.signature.input_arg)
            self._bodies[name] = _Body({node.name: node for node in function.node_def}, arguments)
        return self._bodies[name]

    def _writes(self, nodes: Sequence[Any]) -> bool:
        return any(map(may_write, self._operations(nodes)))

    def _operations(self, nodes: Sequence[Any]) -> set[str]:
        """The operations of nodes and of all functions that they may call."""
        inner = graphs.function_closure(self._library, nodes)
        called = [node for name in inner for node in self._library[name].node_def]
        return {node.op for node in (*nodes, *called) if node.op not in self._library}

    def _summary(self, name: str, aspect: str) -> list[frozenset[_Origin]]:
        """The origins of an aspect of each output of a function."""
        if (name, aspect) not in self._functions:
            function, body = self._library[name], self._body(name)
            # A recursive function depends on all of its arguments until more is known.
            everything: set[_Origin] = {STATE}
            everything.update((index, VALUE) for index in range(len(body.arguments)))
            outputs = [function.ret[output.name] for output in function.signature.output_arg]
            self._functions[name, aspect] = [frozenset(everything)] * len(outputs)
            self._functions[name, aspect] = [
                frozenset(self._origins(body, tensor, aspect)) for tensor in outputs
            ]
        return self._functions[name, aspect]

    def _origins(self, body: _Body, tensor: str, aspect: str) -> set[_Origin]:
        """The origins of an aspect of a tensor."""
        origins: set[_Origin] = set()
        seen, waiting = set[tuple[str, str]](), [(tensor, aspect)]
        while waiting:
            tensor, aspect = waiting.pop()
            if (tensor, aspect) in seen:
                continue
            seen.add((tensor, aspect))
            name = tensor.split(":")[0]
            if name in body.arguments:
                origins.add((body.arguments.index(name), aspect))
            elif name not in body.nodes:
                origins.add(INPUT)  # A graph with a missing node: nothing is certain.
            else:
                found, behind = self._step(body, body.nodes[name], tensor, aspect)
                origins |= found
                waiting += behind
        return origins

    def _step(self, body: _Body, node: Any, tensor: str,
              aspect: str) -> tuple[set[_Origin], list[tuple[str, str]]]:
        """The origins that a node adds to those of an aspect of a tensor of it.

        Also returns the tensors to go on with, each with the aspect that matters.
        """
        inputs = graphs.data_inputs(node)
        function = self._called(node)
        index = self._index(node, function, tensor)
        if function is not None:
            if function in self._defences:
                return {_BY + function}, []
            summary = self._summary(function, aspect)
            if index >= len(summary) or len(inputs) != len(self._body(function).arguments):
                return {INPUT}, []  # A call that does not fit what it calls: nothing is certain.
            found: set[_Origin] = {origin for origin in summary[index] if isinstance(origin, str)}
            return found, [(inputs[origin[0]], origin[1])
                           for origin in summary[index]
                           if not isinstance(origin, str)]
        if node.op in _INPUTS and aspect in _CONTENTS:
            return {INPUT}, []
        if _is_label(body, node, tensor):
            return {LABEL}, []
        if node.op == "Const":
            return set(), []
        if aspect in (SIZE, LENGTH) and loops.keeps_size(node, index, self._library):
            return set(), [(inputs[index], aspect)]
        reads = batch_flow.reads(node, aspect, tensor, body.node_of)
        if reads is not None:
            return set(), reads
        if node.op in _SHAPES and not _is_of_variants(node):
            return set(), [(name, SHAPE) for name in inputs]
        values = shape_depends_on(node, len(inputs)) if aspect in (SHAPE, SIZE) else None
        if values is not None:
            return set(), [
                (name, VALUE if index in values else SHAPE) for index, name in enumerate(inputs)
            ]
        if node.op in _MERGES:  # The branch taken decides which input it is.
            inputs += _predicates(body, tensor)
        reads_state = not inputs or any(map(may_read, self._operations([node])))
        return ({STATE} if reads_state else set()), [(name, VALUE) for name in inputs]

    def _called(self, node: Any) -> str | None:
        """The function that a node calls, `None` if it calls none."""
        function = node.attr["f"].func.name if node.op in graphs.CALLS else node.op
        if function not in self._library or self._has_lists(function):
            return None
        return function

    def _has_lists(self, function: str) -> bool:
        """Whether an argument or output of a function is a list of tensors."""
        signature = self._library[function].signature
        return any(one.number_attr or one.type_list_attr
                   for one in (*signature.input_arg, *signature.output_arg))

    def _index(self, node: Any, function: str | None, tensor: str) -> int:
        """The index of a tensor among the outputs of its node, or of the function it calls."""
        # "node", "node:index", or inside of functions "node:name:index".
        _, *where = tensor.split(":")
        if len(where) == 2 and node.op not in graphs.CALLS and function is not None:
            outputs = [output.name for output in self._library[function].signature.output_arg]
            return outputs.index(where[0]) if where[0] in outputs else len(outputs)
        return int(where[-1]) if where and where[-1].isdigit() else 0


def _is_of_variants(node: Any) -> bool:
    """Whether an operation is one of lists of tensors and the like, whose zeros are lists too."""
    return "T" in node.attr and node.attr["T"].type == tf.variant.as_datatype_enum


def _kind(origin: str) -> str:
    return DEFENDED if origin.startswith(_BY) else origin


def _passed(origins: Collection[_Origin]) -> frozenset[str]:
    return frozenset(
        origin.removeprefix(_BY)
        for origin in origins
        if isinstance(origin, str) and origin.startswith(_BY))


def _executed(body: _Body, *tensors: str) -> Iterator[Any]:
    """The nodes of a graph that run for tensors."""
    waiting, seen = list(tensors), set[str]()
    while waiting:
        name = waiting.pop().lstrip("^").split(":")[0]
        if name not in seen and name in body.nodes:
            seen.add(name)
            waiting += body.nodes[name].input
            yield body.nodes[name]


def _predicates(body: _Body, tensor: str) -> list[str]:
    """The tensors that decide which branch reaches a tensor."""
    return [node.input[1] for node in _executed(body, tensor) if node.op in _SWITCHES]


def _is_label(body: _Body, node: Any, tensor: str) -> bool:
    """Whether a tensor of a node is the index of the largest entry on the last axis."""
    if node.op == "ArgMax":
        return _scalar(body, *graphs.data_inputs(node)[1:]) in (-1, _rank(node))
    is_index = tensor.split(":")[1:] in (["1"], ["indices", "0"])  # Of a graph, of a function.
    return node.op == "TopKV2" and is_index and _scalar(body, *graphs.data_inputs(node)[1:]) == 1


def _scalar(body: _Body, tensor: str = "", *_: str) -> int | None:
    """The value of a constant scalar; `None` if `tensor` is none."""
    node = body.nodes.get(tensor.split(":")[0])
    if node is None or node.op != "Const":
        return None
    value = tf.make_ndarray(node.attr["value"].tensor)
    return int(value) if value.size == 1 else None


def _rank(node: Any) -> int | None:
    """The rank of the first output of a node; `None` if the graph does not have it."""
    shapes = node.attr["_output_shapes"].list.shape if "_output_shapes" in node.attr else []
    return len(shapes[0].dim) if shapes and not shapes[0].unknown_rank else None
