"""Inspects a SavedModel: each output of its signatures and of all functions Python can call."""
import dataclasses
import json
import pathlib
from typing import Any, Collection, Iterator

import tensorflow as tf

from revsig_keras.arguments import check_names
from revsig_keras.defences.base import Defence
from revsig_keras.saved_model import graphs
from revsig_keras.saved_model import mark
from revsig_keras.saved_model.data_flow import DataFlow
from revsig_keras.saved_model.data_flow import DEFENDED
from revsig_keras.saved_model.data_flow import INPUT
from revsig_keras.saved_model.data_flow import LABEL
from revsig_keras.saved_model.data_flow import STATE
from revsig_keras.saved_model.files import read
from revsig_keras.saved_model.signatures import dtype_of
from revsig_keras.saved_model.signatures import fed_tensors
from revsig_keras.saved_model.signatures import is_named
from revsig_keras.saved_model.signatures import known_dtype
from revsig_keras.saved_model.signatures import shape_of
from revsig_keras.saved_model.signatures import tensors_of

CLEAN = "clean"
WITHOUT_DEFENCE = "computed from the inputs without a defence"
LIMITS = ("Not excluded: anybody who holds the files has the weights, and can run any part of the "
          "graph. This report covers the answers of a server and the functions that Python loads.")


@dataclasses.dataclass(frozen=True)
class Output:
    """One output of a SavedModel.

    Attributes:
        where: "signature NAME", "attribute PATH" for a function that Python can call after
            `tf.saved_model.load`, or "alias NAME" of a function.
        name: Name of the output.
        dtype: Name of its dtype.
        shape: Its sizes, `None` for each that is not fixed; `None` if the rank is unknown.
        status: "defended", "label" (at most the index of the largest score) or "clean".
        reason: The reason for the status.
        tags: The tags of its graph.
    """
    where: str
    name: str
    dtype: str
    shape: tuple[int | None, ...] | None
    status: str
    reason: str
    tags: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Report:
    """Result of `inspect_saved_model`.

    Attributes:
        path: The folder.
        outputs: All outputs.
        faults: Why functions that are marked as defences were not accepted.
    """
    path: str
    outputs: tuple[Output, ...]
    faults: tuple[str, ...] = ()

    def leaks(self, allowed: Collection[str] = ()) -> list[Output]:
        """The clean outputs, except for those `allowed` as "output" or "NAME/output".

        The NAME of a signature allows its output also where Python has the signature.
        """
        names = check_names("allowed", allowed)

        def is_allowed(output: Output) -> bool:
            place = output.where.split(" ", 1)[1]
            return any(
                is_named(names, name, output.name)
                for name in (place, place.removeprefix("signatures.")))

        return [one for one in self.outputs if one.status == CLEAN and not is_allowed(one)]

    def as_json(self) -> str:
        record = {"schema_version": 1, **dataclasses.asdict(self), "limits": LIMITS}
        del record["faults"]  # They are in the reasons.
        return json.dumps(record, indent=2)

    def __str__(self) -> str:
        """Each output once, with the places where it is reached."""
        lines = [self.path]
        for tags in dict.fromkeys(output.tags for output in self.outputs):
            lines.append(f"  tags: {', '.join(tags)}")
            for output, places in _grouped([one for one in self.outputs if one.tags == tags]):
                shape = "" if output.shape is None else f" {output.shape}"
                lines.append(f"    {output.status:8}  {output.name}: {output.dtype}{shape}, "
                             f"{output.reason}")
                lines.append(f"              in {', '.join(places)}")
        return "\n".join([*lines, LIMITS])


def _grouped(outputs: Collection[Output]) -> Iterator[tuple[Output, list[str]]]:
    """Outputs that differ in nothing but the place, each once, with the places.

    A function does not tell the shapes of its outputs, so it does not matter there.
    """
    groups: dict[tuple[str, ...], list[Output]] = {}
    for output in outputs:
        key = (output.name, output.dtype, output.status, output.reason)
        groups.setdefault(key, []).append(output)
    for group in groups.values():
        for shape in dict.fromkeys(one.shape for one in group if one.shape is not None) or [None]:
            same = [one for one in group if one.shape in (shape, None)]
            yield same[0], [one.where for one in same]


def inspect_saved_model(path: str | pathlib.Path) -> Report:
    """Tells for every output of the SavedModel in a folder whether it is defended.

    Two tests have to agree. By the graph, an output is *defended* or *label* only if all paths of
    data to it from the inputs pass a defence or an argmax; see `DataFlow`. By value, each function
    that is marked as a defence is called on hostile rows and compared with the layer that it claims
    to be; see `mark.verify`. Names prove nothing, and an output is *clean* unless proven otherwise.

    Raises:
        ValueError: If there is no SavedModel, or one that is corrupt.
    """
    graphs_found = [_MetaGraph(meta_graph) for meta_graph in read(path).meta_graphs]
    return Report(str(path), tuple(output for graph in graphs_found for output in graph.outputs()),
                  tuple(dict.fromkeys(fault for graph in graphs_found for fault in graph.faults)))


def refuse_leaks(report: Report, allowed: Collection[str], remedy: str) -> None:
    """Raises `ValueError` if an output that is not `allowed` is clean.

    Args:
        report: Result of an inspection.
        allowed: Outputs that may be clean, as for `Report.leaks`.
        remedy: Advice on clean outputs, for the error message. Where a defence itself was not
            accepted, the message says why instead.
    """
    leaks = report.leaks(allowed)
    if leaks:
        where: dict[str, list[str]] = {}
        for leak in leaks:
            where.setdefault(leak.name, []).append(leak.where)
        listed = "; ".join(f"{name} ({', '.join(places)})" for name, places in where.items())
        if report.faults:
            remedy = f"The defence is not accepted: {'; '.join(report.faults)}"
        raise ValueError("every output must be defended or a label, but these would be clean: "
                         f"{listed}. {remedy}")


class _MetaGraph:
    """One graph of a SavedModel, its marks verified."""

    def __init__(self, meta_graph: Any):
        self._meta_graph = meta_graph
        self._tags = tuple(sorted(meta_graph.meta_info_def.tags))
        self._library = graphs.library(meta_graph.graph_def)
        self._defences: dict[str, Defence] = {}
        self.faults: list[str] = []
        for name, function in self._library.items():
            if mark.is_marked(function):
                try:
                    self._defences[name] = mark.verify(meta_graph.graph_def, name)
                except ValueError as error:
                    self.faults.append(str(error))
        self._flow = DataFlow(meta_graph.graph_def, self._defences, fed_tensors(meta_graph))
        self._callable = list(self._functions())
        self._stores = any(self._writers())

    def _writers(self) -> Iterator[bool]:
        """For each callable, whether it may keep inputs that another call then answers with."""
        for signature_def in self._meta_graph.signature_def.values():
            outputs = signature_def.outputs.values()
            tensors = [tensor for info in outputs for tensor in tensors_of(info)]
            yield bool(signature_def.inputs) and self._flow.tensors_store(tensors)
        for _, function, bound, _ in self._callable:
            yield self._flow.function_stores(function, bound)

    def outputs(self) -> Iterator[Output]:
        for signature, signature_def in sorted(self._meta_graph.signature_def.items()):
            for name, info in sorted(signature_def.outputs.items()):
                tensors = tensors_of(info)
                origins = frozenset().union(*map(self._flow.of_tensor, tensors))
                defences = frozenset().union(*map(self._flow.defences_of_tensor, tensors))
                # An operation, such as the initialiser of tables, has no value to answer with.
                if info.dtype or INPUT in origins:
                    dtype = dtype_of(info).name if info.dtype else "unknown"
                    yield self._output(f"signature {signature}", name, dtype, shape_of(info),
                                       origins, defences)
        for where, function, bound, names in self._callable:
            yield from self._of_function(where, function, bound, names)

    def _functions(self) -> Iterator[tuple[str, str, int, list[str]]]:
        """All that Python can call: where, name of the function, bound inputs, output names."""
        objects = self._meta_graph.object_graph_def
        aliases = self._meta_graph.meta_info_def.function_aliases
        places = [(f"alias {alias}", function) for function, alias in sorted(aliases.items())]
        places += [(f"attribute {path}", function) for path, function in _attributes(objects)]
        for where, function in places:
            details = objects.concrete_functions.get(function)
            if function in self._library:
                yield (where, function, len(details.bound_inputs) if details else 0,
                       list(_leaves(details.output_signature)) if details else [])

    def _of_function(self, where: str, function: str, bound: int,
                     names: list[str]) -> Iterator[Output]:
        arguments = self._library[function].signature.output_arg
        if len(names) != len(arguments):
            names = [argument.name for argument in arguments]
        origins = self._flow.of_function(function, bound)
        defences = self._flow.defences_of_function(function)
        for name, argument, found, passed in zip(names, arguments, origins, defences):
            dtype = known_dtype(argument.type, f"the function {function}")
            # The handle of a table tells nothing.
            if dtype not in (tf.resource, tf.variant) or INPUT in found:
                yield self._output(where, name or "output", dtype.name, None, found, passed)

    def _output(self, where: str, name: str, dtype: str, shape: tuple[int | None, ...] | None,
                origins: frozenset[str], defences: frozenset[str]) -> Output:
        if INPUT in origins or STATE in origins and self._stores:
            status, reason = CLEAN, "; ".join([WITHOUT_DEFENCE, *self.faults])
        elif DEFENDED in origins:
            kinds = sorted({_described(self._defences[function]) for function in defences})
            status, reason = DEFENDED, f"by {', '.join(kinds)}"
        elif LABEL in origins:
            status, reason = LABEL, "computed from the index of the largest score"
        elif STATE in origins and dtype not in ("string", "bool"):
            status, reason = CLEAN, "variables of the model"
        else:
            status, reason = LABEL, "the same for all inputs"
        return Output(where, name, dtype, shape, status, reason, self._tags)


def _described(defence: Defence) -> str:
    return type(defence).__name__ + " (labels may change)" * (defence.keeps_label == "no")


def _leaves(value: Any, path: str = "") -> Iterator[str]:
    """The names of all tensors in a `StructuredValue`, "key/index", in the order of a function.

    Those in a list are "output_INDEX", as in a signature.
    """
    kind = value.WhichOneof("kind")
    inner: list[tuple[Any, Any]] = []
    if kind == "dict_value":
        inner = sorted(value.dict_value.fields.items())
    elif kind == "named_tuple_value":
        inner = [(pair.key, pair.value) for pair in value.named_tuple_value.values]
    elif kind in ("list_value", "tuple_value"):
        prefix = "" if path else "output_"
        inner = [(f"{prefix}{i}", child) for i, child in enumerate(getattr(value, kind).values)]
    elif kind != "none_value":
        yield path
    for name, child in inner:
        yield from _leaves(child, f"{path}/{name}".lstrip("/"))


def _attributes(object_graph: Any) -> Iterator[tuple[str, str]]:
    """Path and name of all functions that Python can reach, each once, by the shortest path."""
    found, reached = set[str](), set[int]()
    waiting = [(0, "")] if object_graph.nodes else []
    private: list[tuple[int, str]] = []
    while waiting or private:
        index, path = waiting.pop(0) if waiting else private.pop(0)
        if index in reached:
            continue
        reached.add(index)
        node = object_graph.nodes[index]
        for child in node.children:
            # A private name is told only where there is no other.
            queue = private if child.local_name.startswith("_") else waiting
            queue.append((child.node_id, f"{path}.{child.local_name}".lstrip(".")))
        names = list(node.function.concrete_functions)
        if node.WhichOneof("kind") == "bare_concrete_function":
            names.append(node.bare_concrete_function.concrete_function_name)
        yield from ((path, name) for name in names if name not in found)
        found.update(names)
