"""Vectors of sizes, such as the shape that `Reshape` takes: what their first entry is.

A function here says yes only where that is certain.
"""
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.core.framework import attr_value_pb2

from revsig_keras.saved_model import graphs

# Returns the node that computes a tensor of the graph, `None` for arguments and unknown names.
NodeOf = Callable[[str], Any]

COPIES = frozenset({"Cast", "EnsureShape", "Identity", "Snapshot", "StopGradient"})
# By operation that parses examples, the attribute that counts the sparse tensors.
PARSERS = {"ParseExample": "Nsparse", "ParseExampleV2": "num_sparse"}


def constant(tensor: str, node_of: NodeOf) -> np.ndarray | None:
    """The value of a constant; `None` if a tensor is none."""
    node = node_of(tensor)
    while node is not None and node.op == "Identity":
        node = node_of(node.input[0])
    if node is None or node.op != "Const":
        return None
    return tf.make_ndarray(node.attr["value"].tensor)


def attr(node: Any, name: str) -> Any:
    """An attribute of a node, empty if it has none; to index them would add it."""
    return node.attr[name] if name in node.attr else attr_value_pb2.AttrValue()


def begins_with(values: np.ndarray | None, number: int) -> bool:
    """Whether a vector is known, and so begins."""
    return values is not None and values.ndim == 1 and values[:1].tolist() == [number]


def part(node: Any, tensor: str) -> str | None:
    """Which kind of output of an operation that parses examples a tensor is."""
    _, *where = tensor.split(":")
    if len(where) == 2:  # Inside of functions: "node:name:index".
        return where[0]
    sparse = attr(node, PARSERS[node.op]).i
    dense = len(attr(node, "Tdense").list.type)
    kinds = ["sparse_indices", "sparse_values", "sparse_shapes"]
    order = [kind for kind in kinds for _ in range(sparse)] + ["dense_values"] * dense
    index = int(where[0]) if where else 0
    return order[index] if index < len(order) else None


def is_reshaped_shape(node: Any, tensor: str) -> bool:
    """Whether a tensor is the shape of a sparse one that was reshaped."""
    return node.op == "SparseReshape" and tensor.split(":", 1)[1:] in (["1"], ["output_shape:0"])


def starts_at_0(node: Any, inputs: list[str], node_of: NodeOf) -> bool:
    """Whether a slice keeps the first dimension and begins with the first entry."""
    begin = constant(inputs[1], node_of)
    if node.op == "Slice":
        return begins_with(begin, 0)
    strides = constant(inputs[3], node_of)
    masks = ("ellipsis_mask", "new_axis_mask", "shrink_axis_mask")
    return (strides is not None and bool(
        (strides > 0).all()) and not any(attr(node, mask).i for mask in masks) and
            (bool(attr(node, "begin_mask").i & 1) or begins_with(begin, 0)))


def takes_first(node: Any, inputs: list[str], node_of: NodeOf) -> bool:
    """Whether a slice is the first entry along the first dimension, and no more."""
    begin = constant(inputs[1], node_of)
    masks = ("begin_mask", "ellipsis_mask", "new_axis_mask")
    return (begin is not None and begin.tolist() == [0] and
            attr(node, "shrink_axis_mask").i == 1 and not any(attr(node, mask).i for mask in masks))


def starts_with_size(tensor: str, node_of: NodeOf) -> bool:
    """Whether the first entry of a vector is certain to be a size, and not the -1 of `Reshape`."""
    node = node_of(tensor)
    value = constant(tensor, node_of)
    if value is not None:
        return value.size > 0 and value.flat[0] >= 0
    if node is None:
        return False
    if node.op in ("Shape", "ShapeN"):
        return True
    if node.op in PARSERS:
        return part(node, tensor) == "sparse_shapes"
    inputs = graphs.data_inputs(node)
    if is_reshaped_shape(node, tensor):
        return starts_with_size(inputs[2], node_of)
    if node.op == "Pack":
        return attr(node, "axis").i == 0 and _is_size(inputs[0], node_of)
    if node.op == "ConcatV2":
        return all(starts_with_size(name, node_of) for name in leading(inputs, node_of))
    if node.op in ("Slice", "StridedSlice"):
        return starts_at_0(node, inputs, node_of) and starts_with_size(inputs[0], node_of)
    return node.op in COPIES and starts_with_size(inputs[0], node_of)


def leading(inputs: list[str], node_of: NodeOf) -> list[str]:
    """The vectors of a concatenation whose first entry may be its first entry.

    Where one is empty, that is the first entry of the next.
    """
    found = []
    for name in inputs[:-1]:
        found.append(name)
        if _has_entries(name, node_of):
            break
    return found


def _has_entries(tensor: str, node_of: NodeOf) -> bool:
    """Whether a vector is certain not to be empty."""
    value = constant(tensor, node_of)
    if value is not None:
        return value.size > 0
    node = node_of(tensor)
    if node is None:
        return False
    if node.op == "Slice":
        sizes = constant(node.input[2], node_of)
        return sizes is not None and sizes.size == 1 and bool(sizes.flat[0] > 0)
    return node.op in COPIES and _has_entries(node.input[0], node_of)


def _is_size(tensor: str, node_of: NodeOf) -> bool:
    """Whether a scalar is certain to be a size."""
    value = constant(tensor, node_of)
    if value is not None:
        return value.size == 1 and value.flat[0] >= 0
    node = node_of(tensor)
    if node is None:
        return False
    if node.op in COPIES:
        return _is_size(node.input[0], node_of)
    inputs = graphs.data_inputs(node)
    return (node.op == "StridedSlice" and takes_first(node, inputs, node_of) and
            starts_with_size(inputs[0], node_of))
