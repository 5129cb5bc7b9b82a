"""What the outputs of a graph depend on."""
import dataclasses
from typing import Any, Collection, Iterator

import tensorflow as tf

from revsig_keras.saved_model import graphs
from revsig_keras.saved_model.shape_flow import shape_depends_on
from revsig_keras.saved_model.state import may_write

INPUT = "input"  # What a client sends.
STATE = "state"  # Variables and tables.
LABEL = "label"  # The index of the largest of some scores.
DEFENDED = "defended"  # The output of a defence.

# They tell the shape of their input alone.
_SHAPES = frozenset({"Shape", "ShapeN", "Size", "Rank", "ZerosLike", "OnesLike"})
_COPIES = frozenset({"Identity", "IdentityN", "Cast"})
_INPUTS = frozenset({"Placeholder", "PlaceholderV2", "PlaceholderWithDefault"})
_SWITCHES = frozenset({"Switch", "RefSwitch", "_SwitchN"})
_MERGES = frozenset({"Merge", "RefMerge"})


@dataclasses.dataclass(frozen=True, eq=False)
class _Body:
    """The nodes of a graph or a function, by name, and the names of the arguments it takes."""
    nodes: dict[str, Any]
    arguments: tuple[str, ...] = ()


class DataFlow:
    """Which of `INPUT`, `STATE`, `LABEL` and `DEFENDED` each output of a graph depends on.

    Data are followed from an output backwards through all operations and into the functions they
    call. They are not followed through

    - a call of one of `defences`: what is behind it reaches the output defended;
    - an `ArgMax` over the last axis: what is behind it reaches the output as a label;
    - operations that give the shape of a tensor, where that shape follows from other shapes.

    Any other operation, also one that is not known, is taken to depend on all of its inputs, loops
    and branches included. So it is certain that an output that is not said to depend on `INPUT` is
    computed from labels, defended scores and what is the same for all queries, alone. What it is
    that an `ArgMax` ranks is not known, nor are the rows counted that reach a defence.

    Args:
        graph_def: A `GraphDef`.
        defences: The names of its functions that are defences.
        fed: The names of tensors that clients give besides placeholders.
    """

    def __init__(self, graph_def: Any, defences: Collection[str] = (), fed: Collection[str] = ()):
        self._library = graphs.library(graph_def)
        nodes = {node.name: node for node in graph_def.node}
        for name in {tensor.split(":")[0] for tensor in fed} & set(nodes):
            nodes[name] = tf.compat.v1.NodeDef(name=name, op="Placeholder")
        self._graph = _Body(nodes)
        self._defences = frozenset(defences)
        self._bodies: dict[str, _Body] = {}
        self._functions: dict[tuple[str, bool], list[frozenset]] = {}

    def of_tensor(self, name: str) -> frozenset[str]:
        """What the tensor `name` of the graph, such as "softmax:0", depends on."""
        return frozenset(self._origins(self._graph, name))

    def of_function(self, name: str, bound: int = 0) -> list[frozenset[str]]:
        """What each output of a function depends on; its last `bound` arguments are state."""
        inputs = len(self._library[name].signature.input_arg) - bound
        return [
            frozenset(origin if isinstance(origin, str) else INPUT if origin[0] < inputs else STATE
                      for origin in origins
                      if isinstance(origin, str) or not origin[1])
            for origins in self._summary(name, False)
        ]

    def tensors_store(self, names: Collection[str]) -> bool:
        """Whether a request for these tensors of the graph may leave something in the state."""
        return self._writes(list(_executed(self._graph, *names)))

    def function_stores(self, name: str, bound: int = 0) -> bool:
        """Whether a call of a function may leave inputs in the state; see `of_function`."""
        function = self._library[name]
        return len(function.signature.input_arg) > bound and self._writes(function.node_def)

    def computed_by(self, tensor: str) -> str | None:
        """The operation that a tensor of the graph comes from, through calls and copies of it."""
        body, seen = self._graph, set()
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

    def _body(self, name):
        if name not in self._bodies:
            function = self._library[name]
            arguments = tuple(argument.name for argument in function.signature.input_arg)
            self._bodies[name] = _Body({node.name: node for node in function.node_def}, arguments)
        return self._bodies[name]

    def _writes(self, nodes):
        inner = graphs.function_closure(self._library, nodes)
        operations = {node.op for node in nodes}
        operations |= {node.op for name in inner for node in self._library[name].node_def}
        return any(map(may_write, operations - set(self._library)))

    def _summary(self, name, shape):
        """What each output of a function, or its shape, depends on.

        Of arguments, (their index, whether it is their shape alone).
        """
        if (name, shape) not in self._functions:
            function, body = self._library[name], self._body(name)
            # What calls itself depends on all it takes, until more is known.
            everything = {STATE, *((index, False) for index in range(len(body.arguments)))}
            outputs = [function.ret[output.name] for output in function.signature.output_arg]
            self._functions[name, shape] = [frozenset(everything)] * len(outputs)
            self._functions[name, shape] = [
                frozenset(self._origins(body, tensor, shape)) for tensor in outputs
            ]
        return self._functions[name, shape]

    def _origins(self, body, tensor, shape=False):
        origins, seen, waiting = set(), set(), [(tensor, shape)]
        while waiting:
            tensor, shape = waiting.pop()
            if (tensor, shape) in seen:
                continue
            seen.add((tensor, shape))
            name = tensor.split(":")[0]
            if name in body.arguments:
                origins.add((body.arguments.index(name), shape))
            elif name not in body.nodes:
                origins.add(INPUT)  # A graph with a missing node: nothing is certain.
            else:
                found, behind = self._step(body, body.nodes[name], tensor, shape)
                origins |= found
                waiting += behind
        return origins

    def _step(self, body, node, tensor, shape):
        """What a node adds to what a tensor of it, or its shape, depends on.

        Also returns the tensors to go on with, and whether it is by their shapes alone.
        """
        inputs = [name for name in node.input if not name.startswith("^")]
        function = self._called(node)
        if function is not None:
            if function in self._defences:
                return {DEFENDED}, []
            summary, index = self._summary(function, shape), self._index(node, function, tensor)
            if index >= len(summary) or len(inputs) != len(self._body(function).arguments):
                return {INPUT}, []  # A call that does not fit what it calls: nothing is certain.
            found = {origin for origin in summary[index] if isinstance(origin, str)}
            return found, [(inputs[origin[0]], origin[1]) for origin in summary[index] - found]
        if node.op in _INPUTS and not shape:
            return {INPUT}, []
        if node.op == "ArgMax" and _axis(body, *inputs[1:]) in (-1, _rank(node)):
            return {LABEL}, []
        if node.op == "Const":
            return set(), []
        if node.op in _SHAPES:
            return set(), [(name, True) for name in inputs]
        values = shape_depends_on(node, len(inputs)) if shape else None
        if values is not None:
            return set(), [(name, index not in values) for index, name in enumerate(inputs)]
        if node.op in _MERGES:  # Which input it is depends on where control went.
            inputs += _predicates(body, tensor)
        return (set() if inputs else {STATE}), [(name, False) for name in inputs]

    def _called(self, node):
        """The function that a node is a call of, `None` if it is none."""
        function = node.attr["f"].func.name if node.op in graphs.CALLS else node.op
        if function not in self._library or self._has_lists(function):
            return None
        return function

    def _has_lists(self, function):
        """Whether the outputs of a function are not one for each of those that it names."""
        signature = self._library[function].signature
        return any(one.number_attr or one.type_list_attr
                   for one in (*signature.input_arg, *signature.output_arg))

    def _index(self, node, function, tensor):
        """Which output of the function that a node calls a tensor of the node is."""
        # "node", "node:index", or inside of functions "node:name:index".
        _, *where = tensor.split(":")
        if len(where) == 2 and node.op not in graphs.CALLS and function is not None:
            outputs = [output.name for output in self._library[function].signature.output_arg]
            return outputs.index(where[0]) if where[0] in outputs else len(outputs)
        return int(where[-1]) if where and where[-1].isdigit() else 0


def _executed(body, *tensors) -> Iterator[Any]:
    """The nodes of a graph that run for tensors."""
    waiting, seen = list(tensors), set()
    while waiting:
        name = waiting.pop().lstrip("^").split(":")[0]
        if name not in seen and name in body.nodes:
            seen.add(name)
            waiting += body.nodes[name].input
            yield body.nodes[name]


def _predicates(body, tensor):
    """By which it is decided what reaches a tensor, of which the inputs do not tell."""
    return [node.input[1] for node in _executed(body, tensor) if node.op in _SWITCHES]


def _axis(body, tensor="", *_):
    """The value of a constant scalar, `None` if it is none."""
    node = body.nodes.get(tensor.split(":")[0])
    if node is None or node.op != "Const":
        return None
    value = tf.make_ndarray(node.attr["value"].tensor)
    return int(value) if value.size == 1 else None


def _rank(node):
    """The rank of the first output of a node, as the graph has it; `None` if it does not."""
    shapes = node.attr["_output_shapes"].list.shape if "_output_shapes" in node.attr else []
    return len(shapes[0].dim) if shapes and not shapes[0].unknown_rank else None
