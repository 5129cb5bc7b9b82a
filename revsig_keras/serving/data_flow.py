"""What the outputs of a graph depend on."""
import dataclasses
import re
from typing import Any, Collection, Iterator

import tensorflow as tf

from revsig_keras.serving import graphs

INPUT = "input"  # What a client sends.
STATE = "state"  # Variables and tables.
LABEL = "label"  # The index of the largest of some scores.
DEFENDED = "defended"  # The output of a defence.

# They tell the shape of their input alone.
_SHAPES = frozenset({"Shape", "ShapeN", "Size", "Rank", "ZerosLike", "OnesLike"})
_COPIES = frozenset({"Identity", "IdentityN", "Cast"})
_INPUTS = frozenset({"Placeholder", "PlaceholderV2", "PlaceholderWithDefault"})
# What one call writes, another one may read.
_WRITES = re.compile("Assign|^(Resource)?(Sparse)?(Scatter|Apply)|TableInsert|TableImport|"
                     "TableRemove|Enqueue|StackPush|BarrierInsert|MapStage|^Stage|Unstage")


@dataclasses.dataclass(frozen=True)
class _Body:
    """The nodes of a graph or a function, by name, and the names of the arguments it takes."""
    nodes: dict[str, Any]
    arguments: tuple[str, ...] = ()


def _body(function):
    arguments = tuple(argument.name for argument in function.signature.input_arg)
    return _Body({node.name: node for node in function.node_def}, arguments)


class DataFlow:
    """Which of `INPUT`, `STATE`, `LABEL` and `DEFENDED` each output of a graph depends on.

    Data are followed from an output backwards through all operations and into the functions they
    call. They are not followed through

    - a call of one of `defences`: what is behind it reaches the output defended;
    - an `ArgMax` over the last axis: what is behind it reaches the output as a label;
    - operations that give the shape of a tensor.

    Any other operation, also one that is not known, is taken to depend on all of its inputs, loops
    and branches included. So it is certain that an output that is not said to depend on `INPUT` is
    computed from labels, defended scores and what is the same for all queries, alone. A model that
    writes to its state while it is queried is taken to store what it received.

    Args:
        graph_def: A `GraphDef`.
        defences: The names of its functions that are defences.
    """

    def __init__(self, graph_def: Any, defences: Collection[str] = ()):
        self._library = graphs.library(graph_def)
        self._graph = _Body({node.name: node for node in graph_def.node})
        self._defences = frozenset(defences)
        self._functions: dict[str, list[frozenset]] = {}

    def of_tensor(self, name: str, rank: int | None = None) -> frozenset[str]:
        """What the tensor `name` of the graph depends on.

        Args:
            name: Such as "softmax:0".
            rank: That of the tensor, if it is known: a label may be given the axis by its number.
        """
        return self._with_state(self._origins(self._graph, [name], rank), self._executed(name))

    def of_function(self, name: str, bound: int = 0) -> list[frozenset[str]]:
        """What each output of a function depends on; its last `bound` arguments are state."""
        function = self._library[name]
        inputs = len(function.signature.input_arg) - bound
        named = []
        for origins in self._summary(name):
            named.append({
                origin if isinstance(origin, str) else INPUT if origin < inputs else STATE
                for origin in origins
            })
        return [self._with_state(origins, function.node_def) for origins in named]

    def computed_by(self, tensor: str) -> str | None:
        """The operation that a tensor of the graph comes from, through calls and copies of it."""
        body = self._graph
        while tensor.split(":")[0] in body.nodes:
            node = body.nodes[tensor.split(":")[0]]
            function = self._called(node)
            if function is not None:
                inner = self._library[function]
                output = inner.signature.output_arg[self._index(node, function, tensor)]
                body, tensor = _body(inner), inner.ret[output.name]
            elif node.op in _COPIES:
                tensor = node.input[int(tensor.split(":")[-1]) if node.op ==
                                    "IdentityN" and tensor.split(":")[-1].isdigit() else 0]
            else:
                return node.op
        return None

    def _with_state(self, origins, nodes):
        if STATE in origins and self._writes(nodes):
            origins = {*origins, INPUT}
        return frozenset(origins)

    def _writes(self, nodes):
        nodes = list(nodes)
        inner = graphs.function_closure(self._library, nodes)
        nodes += [node for name in inner for node in self._library[name].node_def]
        return any(_WRITES.search(node.op) for node in nodes)

    def _executed(self, tensor) -> Iterator[Any]:
        """The nodes of the graph that run for a tensor."""
        waiting, seen = [tensor], set()
        while waiting:
            name = waiting.pop().lstrip("^").split(":")[0]
            if name not in seen and name in self._graph.nodes:
                seen.add(name)
                waiting += self._graph.nodes[name].input
                yield self._graph.nodes[name]

    def _summary(self, name):
        """What each output of a function depends on, arguments by their index."""
        if name not in self._functions:
            function = self._library[name]
            body = _body(function)
            # What calls itself depends on all it takes, until more is known.
            everything = frozenset({STATE, *range(len(body.arguments))})
            self._functions[name] = [everything] * len(function.signature.output_arg)
            self._functions[name] = [
                frozenset(self._origins(body, [function.ret[output.name]], None))
                for output in function.signature.output_arg
            ]
        return self._functions[name]

    def _origins(self, body, tensors, rank):
        origins, seen, waiting = set(), set(), list(tensors)
        while waiting:
            tensor = waiting.pop()
            if tensor.startswith("^") or tensor in seen:
                continue
            seen.add(tensor)
            name = tensor.split(":")[0]
            if name in body.arguments:
                origins.add(body.arguments.index(name))
            elif name not in body.nodes:
                origins.add(INPUT)  # A graph with a missing node: nothing is certain.
            else:
                found, behind = self._step(body, body.nodes[name], tensor, rank)
                origins |= found
                waiting += behind
        return origins

    def _step(self, body, node, tensor, rank):
        """What a node adds to what a tensor of it depends on, and the tensors to go on with."""
        inputs = [name for name in node.input if not name.startswith("^")]
        if node.op in _INPUTS:
            return {INPUT}, []
        if node.op == "ArgMax" and _axis(body, inputs[1]) in (-1, 1 if rank is None else rank):
            return {LABEL}, []
        if node.op in _SHAPES or node.op == "Const":
            return set(), []
        function = self._called(node)
        if function is not None:
            if function in self._defences:
                return {DEFENDED}, []
            origins = self._summary(function)[self._index(node, function, tensor)]
            found = {origin for origin in origins if isinstance(origin, str)}
            return found, [inputs[origin] for origin in origins if not isinstance(origin, str)]
        return (set(), inputs) if inputs else ({STATE}, [])

    def _called(self, node):
        """The function that a node is a call of, `None` if it is none."""
        function = node.attr["f"].func.name if node.op in graphs.CALLS else node.op
        return function if function in self._library else None

    def _index(self, node, function, tensor):
        """Which output of the function that a node calls a tensor of the node is."""
        # "node", "node:index", or inside of functions "node:name:index".
        _, *where = tensor.split(":")
        if len(where) == 2 and node.op not in graphs.CALLS:
            outputs = [output.name for output in self._library[function].signature.output_arg]
            return outputs.index(where[0])
        return int(where[-1]) if where else 0


def _axis(body, tensor):
    """The value of a constant scalar, `None` if it is none."""
    node = body.nodes.get(tensor.split(":")[0])
    if node is None or node.op != "Const":
        return None
    value = tf.make_ndarray(node.attr["value"].tensor)
    return int(value) if value.size == 1 else None
