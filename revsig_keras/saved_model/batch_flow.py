"""Tells what the size of the first dimension of a tensor depends on, mostly that of a batch.

Other sizes may follow from data where this one does not: examples are parsed to as many rows as
there are examples, but to as many columns as the longest has. A rule here covers an operation whose
first dimension follows from first dimensions, or from the first entries of vectors of sizes.
"""
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.core.framework import attr_value_pb2

from revsig_keras.saved_model.shape_flow import ELEMENTWISE

VALUE = "value"  # All of a tensor.
SHAPE = "shape"  # Its shape.
SIZE = "size"  # The size of its first dimension.
FIRST = "first"  # Its first entry along the first dimension.

# Aspects of the inputs of a node, each with the name of the input.
Reads = list[tuple[str, str]]
# Returns the node that computes a tensor of the graph, `None` for arguments and unknown names.
NodeOf = Callable[[str], Any]

_COPIES = frozenset({"Cast", "EnsureShape", "Identity", "Snapshot", "StopGradient"})
_LIKE_FIRST_INPUT = frozenset("""
    AvgPool AvgPool3D BiasAdd Conv2D Conv3D DecodeRaw DepthwiseConv2dNative FusedBatchNorm
    FusedBatchNormV2 FusedBatchNormV3 LRN MatrixDiagV3 MaxPool MaxPool3D ResizeBicubic
    ResizeBilinear ResizeNearestNeighbor
""".split()) | _COPIES
# By operation, the input that is a vector of sizes; the first of them is that of the output.
_SIZES = {
    "BroadcastTo": 1,
    "Fill": 0,
    "RandomStandardNormal": 0,
    "RandomUniform": 0,
    "ScatterNd": 2,
    "SparseTensorDenseMatMul": 2,
    "SparseToDense": 1,
}
_REDUCTIONS = frozenset({"All", "Any", "ArgMax", "ArgMin", "Max", "Mean", "Min", "Prod", "Sum"})
_PARSERS = {"ParseExample": "Nsparse", "ParseExampleV2": "num_sparse"}


def reads(node: Any, aspect: str, tensor: str, node_of: NodeOf) -> Reads | None:
    """What an aspect of an output of a node depends on; `None` where no rule here tells.

    Args:
        node: A `NodeDef`.
        aspect: `SIZE`, `FIRST` or `VALUE`.
        tensor: The name of the output.
        node_of: See `NodeOf`.
    """
    inputs = [name for name in node.input if not name.startswith("^")]
    if aspect == SIZE:
        return _size(node, inputs, tensor, node_of)
    if aspect == FIRST:
        return _first(node, inputs, tensor, node_of)
    if node.op == "StridedSlice" and _takes_first(node, inputs, node_of):
        return [(inputs[0], FIRST)]
    return None


def constant(tensor: str, node_of: NodeOf) -> np.ndarray | None:
    """The value of a constant; `None` if a tensor is none."""
    node = node_of(tensor)
    while node is not None and node.op == "Identity":
        node = node_of(node.input[0])
    if node is None or node.op != "Const":
        return None
    return tf.make_ndarray(node.attr["value"].tensor)


def _attr(node: Any, name: str) -> Any:
    """An attribute of a node, empty if it has none; to index them would add it."""
    return node.attr[name] if name in node.attr else attr_value_pb2.AttrValue()


def _size(node: Any, inputs: list[str], tensor: str, node_of: NodeOf) -> Reads | None:
    if node.op in ELEMENTWISE:
        if node.op.startswith("LookupTableFind"):
            return [(inputs[1], SIZE)]
        return [(name, SIZE) for name in inputs]
    if node.op in _LIKE_FIRST_INPUT or node.op == "MatMul" and not _attr(node, "transpose_a").b:
        return [(inputs[0], SIZE)]
    if node.op in _SIZES:
        return [(inputs[_SIZES[node.op]], FIRST)]
    if node.op in _PARSERS:
        return [(inputs[0], SIZE)] if _part(node, tensor) == "dense_values" else None
    if node.op == "Tile":
        return [(inputs[0], SIZE), (inputs[1], FIRST)]
    if node.op == "Reshape":
        return [(inputs[1], FIRST)] if _starts_with_size(inputs[1], node_of) else None
    if node.op == "Pack":
        axis = _attr(node, "axis").i
        return [] if axis == 0 else [(inputs[0], SIZE)] if axis > 0 else None
    if node.op in ("GatherV2", "Gather", "ResourceGather"):
        axis = constant(inputs[2], node_of) if node.op == "GatherV2" else np.array(0)
        is_plain = axis is not None and axis == 0 and not _attr(node, "batch_dims").i
        return [(inputs[1], SIZE)] if is_plain else None
    if node.op == "Slice":
        sizes = constant(inputs[2], node_of)
        if sizes is not None and sizes.size and sizes.flat[0] >= 0:
            return []
    if _keeps_first_dimension(node, inputs, node_of):
        return [(inputs[0], SIZE)]
    return None


def _keeps_first_dimension(node: Any, inputs: list[str], node_of: NodeOf) -> bool:
    """Whether an operation along an axis leaves the first dimension as it is."""
    if node.op in _REDUCTIONS or node.op in ("ExpandDims", "Transpose"):
        values = constant(inputs[1], node_of)
        if values is None or not values.size:
            return False
        if node.op == "Transpose":
            return _begins_with(values, 0)
        # The last axis is not the first one, or no dimension is left.
        return bool((values > 0).all() or (values == -1).all())
    if node.op == "ConcatV2":
        axis = constant(inputs[-1], node_of)
        return axis is not None and bool(axis > 0)
    if node.op == "Slice":
        return (_begins_with(constant(inputs[1], node_of), 0) and
                _begins_with(constant(inputs[2], node_of), -1))
    if node.op == "StridedSlice":
        strides = constant(inputs[3], node_of)
        others = ("ellipsis_mask", "new_axis_mask", "shrink_axis_mask")
        return (_begins_with(strides, 1) and
                all(_attr(node, mask).i & 1 for mask in ("begin_mask", "end_mask")) and
                not any(_attr(node, mask).i & 1 for mask in others))
    if node.op == "Squeeze":
        axes = _attr(node, "squeeze_dims").list.i
        return bool(axes) and min(axes) > 0
    return False


def _part(node: Any, tensor: str) -> str | None:
    """Which kind of output of an operation that parses examples a tensor is."""
    _, *where = tensor.split(":")
    if len(where) == 2:  # Inside of functions: "node:name:index".
        return where[0]
    sparse = _attr(node, _PARSERS[node.op]).i
    dense = len(_attr(node, "Tdense").list.type)
    kinds = ["sparse_indices", "sparse_values", "sparse_shapes"]
    order = [kind for kind in kinds for _ in range(sparse)] + ["dense_values"] * dense
    index = int(where[0]) if where else 0
    return order[index] if index < len(order) else None


def _begins_with(values: np.ndarray | None, number: int) -> bool:
    """Whether a vector is known, and so begins."""
    return values is not None and values.ndim == 1 and values[:1].tolist() == [number]


def _first(node: Any, inputs: list[str], tensor: str, node_of: NodeOf) -> Reads | None:
    if node.op in ("Shape", "ShapeN"):
        index = tensor.rsplit(":", 1)[-1]
        return [(inputs[int(index) if index.isdigit() else 0], SIZE)]
    if node.op in _COPIES:
        return [(inputs[0], FIRST)]
    if node.op == "Pack" and _attr(node, "axis").i == 0:
        return [(inputs[0], VALUE)]
    if node.op in _PARSERS:
        return [(inputs[0], SIZE)] if _part(node, tensor) == "sparse_shapes" else None
    if node.op == "ConcatV2":
        axis = constant(inputs[-1], node_of)
        if axis is None or axis != 0:
            return None
        # Where the first input is empty, the first entry is that of the next.
        return [(name, aspect) for name in inputs[:-1] for aspect in (FIRST, SIZE)]
    if node.op in ("Slice", "StridedSlice") and _starts_at_0(node, inputs, node_of):
        others = [(name, VALUE) for name in inputs[2:]]
        return [(inputs[0], FIRST), *others]
    return None


def _starts_at_0(node: Any, inputs: list[str], node_of: NodeOf) -> bool:
    """Whether a slice keeps the first dimension and begins with the first entry."""
    begin = constant(inputs[1], node_of)
    if node.op == "Slice":
        return _begins_with(begin, 0)
    strides = constant(inputs[3], node_of)
    masks = ("ellipsis_mask", "new_axis_mask", "shrink_axis_mask")
    return (strides is not None and bool(
        (strides > 0).all()) and not any(_attr(node, mask).i for mask in masks) and
            (bool(_attr(node, "begin_mask").i & 1) or _begins_with(begin, 0)))


def _takes_first(node: Any, inputs: list[str], node_of: NodeOf) -> bool:
    """Whether a slice is the first entry along the first dimension, and no more."""
    begin = constant(inputs[1], node_of)
    masks = ("begin_mask", "ellipsis_mask", "new_axis_mask")
    return (begin is not None and begin.tolist() == [0] and
            _attr(node, "shrink_axis_mask").i == 1 and
            not any(_attr(node, mask).i for mask in masks))


def _starts_with_size(tensor: str, node_of: NodeOf) -> bool:
    """Whether the first entry of a vector is certain to be a size, and not the -1 of `Reshape`."""
    node = node_of(tensor)
    value = constant(tensor, node_of)
    if value is not None:
        return value.size > 0 and value.flat[0] >= 0
    if node is None:
        return False
    if node.op in ("Shape", "ShapeN"):
        return True
    if node.op in _PARSERS:
        return _part(node, tensor) == "sparse_shapes"
    inputs = [name for name in node.input if not name.startswith("^")]
    if node.op == "Pack":
        return _attr(node, "axis").i == 0 and _is_size(inputs[0], node_of)
    if node.op == "ConcatV2":
        # Each must start with a size, since the ones before it may be empty.
        return all(_starts_with_size(name, node_of) for name in inputs[:-1])
    if node.op in ("Slice", "StridedSlice"):
        return _starts_at_0(node, inputs, node_of) and _starts_with_size(inputs[0], node_of)
    return node.op in _COPIES and _starts_with_size(inputs[0], node_of)


def _is_size(tensor: str, node_of: NodeOf) -> bool:
    """Whether a scalar is certain to be a size."""
    value = constant(tensor, node_of)
    if value is not None:
        return value.size == 1 and value.flat[0] >= 0
    node = node_of(tensor)
    if node is None:
        return False
    if node.op in _COPIES:
        return _is_size(node.input[0], node_of)
    inputs = [name for name in node.input if not name.startswith("^")]
    return (node.op == "StridedSlice" and _takes_first(node, inputs, node_of) and
            _starts_with_size(inputs[0], node_of))
