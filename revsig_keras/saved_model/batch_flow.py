"""Tells what the size of the first dimension of a tensor depends on, mostly that of a batch.

Other sizes may follow from data where this one does not: examples are parsed to as many rows as
there are examples, but to as many columns as the longest has. A rule here covers an operation whose
first dimension follows from first dimensions, or from the first entries of vectors of sizes.
"""
from typing import Any

import numpy as np

from revsig_keras.saved_model import graphs
from revsig_keras.saved_model.loops import replaces_one
from revsig_keras.saved_model.shape_flow import ELEMENTWISE
from revsig_keras.saved_model.size_vectors import attr
from revsig_keras.saved_model.size_vectors import begins_with
from revsig_keras.saved_model.size_vectors import constant
from revsig_keras.saved_model.size_vectors import COPIES
from revsig_keras.saved_model.size_vectors import is_reshaped_shape
from revsig_keras.saved_model.size_vectors import leading
from revsig_keras.saved_model.size_vectors import NodeOf
from revsig_keras.saved_model.size_vectors import PARSERS
from revsig_keras.saved_model.size_vectors import part
from revsig_keras.saved_model.size_vectors import starts_at_0
from revsig_keras.saved_model.size_vectors import starts_with_size
from revsig_keras.saved_model.size_vectors import takes_first

VALUE = "value"  # All of a tensor.
SHAPE = "shape"  # Its shape.
SIZE = "size"  # The size of its first dimension.
FIRST = "first"  # Its first entry along the first dimension.
LENGTH = "length"  # How many tensors it has, if it is a list of tensors.

# Aspects of the inputs of a node, each with the name of the input.
Reads = list[tuple[str, str]]
_LIKE_FIRST_INPUT = frozenset("""
    AvgPool AvgPool3D BiasAdd Conv2D Conv3D DepthwiseConv2dNative FusedBatchNorm
    FusedBatchNormV2 FusedBatchNormV3 LRN MatrixDiagV3 MaxPool MaxPool3D ResizeBicubic
    ResizeBilinear ResizeNearestNeighbor
""".split()) | COPIES
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


def reads(node: Any, aspect: str, tensor: str, node_of: NodeOf) -> Reads | None:
    """What an aspect of an output of a node depends on; `None` where no rule here tells.

    Args:
        node: A `NodeDef`.
        aspect: `SIZE`, `FIRST`, `LENGTH` or `VALUE`.
        tensor: The name of the output.
        node_of: See `NodeOf`.
    """
    inputs = graphs.data_inputs(node)
    if aspect == SIZE:
        return _size(node, inputs, tensor, node_of)
    if aspect == FIRST:
        return _first(node, inputs, tensor, node_of)
    if aspect == LENGTH:
        return _length(node, inputs)
    if node.op == "StridedSlice" and takes_first(node, inputs, node_of):
        return [(inputs[0], FIRST)]
    return None


def _size(node: Any, inputs: list[str], tensor: str, node_of: NodeOf) -> Reads | None:
    if node.op in ELEMENTWISE:
        if node.op.startswith("LookupTableFind"):
            return [(inputs[1], SIZE)]
        return [(name, SIZE) for name in inputs]
    if node.op in _LIKE_FIRST_INPUT or node.op == "MatMul" and not attr(node, "transpose_a").b:
        return [(inputs[0], SIZE)]
    if node.op in _SIZES:
        return [(inputs[_SIZES[node.op]], FIRST)]
    if node.op in PARSERS:
        return [(inputs[0], SIZE)] if part(node, tensor) == "dense_values" else None
    if node.op == "TensorListStack":
        return [(inputs[0], LENGTH)]
    if node.op == "Tile":
        return [(inputs[0], SIZE), (inputs[1], FIRST)]
    if node.op == "Reshape":
        return [(inputs[1], FIRST)] if starts_with_size(inputs[1], node_of) else None
    if node.op == "Pack":
        axis = attr(node, "axis").i
        return [] if axis == 0 else [(inputs[0], SIZE)] if axis > 0 else None
    if node.op in ("GatherV2", "Gather", "ResourceGather"):
        axis = constant(inputs[2], node_of) if node.op == "GatherV2" else np.array(0)
        is_plain = axis is not None and axis == 0 and not attr(node, "batch_dims").i
        # With a scalar index the first dimension is the second one of what is gathered from.
        return [(inputs[1], SIZE), (inputs[0], SHAPE)] if is_plain else None
    if node.op == "Slice":
        sizes = constant(inputs[2], node_of)
        if sizes is not None and sizes.size and sizes.flat[0] >= 0:
            return []
    if _keeps_first_dimension(node, inputs, node_of):
        return [(inputs[0], SIZE)]
    return None


def _length(node: Any, inputs: list[str]) -> Reads | None:
    if node.op == "TensorListFromTensor":
        return [(inputs[0], SIZE)]
    if node.op == "TensorListReserve":
        return [(inputs[1], VALUE)]
    if node.op in COPIES or replaces_one(node):
        return [(inputs[0], LENGTH)]
    return None


def _keeps_first_dimension(node: Any, inputs: list[str], node_of: NodeOf) -> bool:
    """Whether an operation along an axis leaves the first dimension as it is."""
    if node.op in _REDUCTIONS or node.op in ("ExpandDims", "Transpose"):
        values = constant(inputs[1], node_of)
        if values is None or not values.size:
            return False
        if node.op == "Transpose":
            return begins_with(values, 0)
        # The last axis is not the first one, or no dimension is left.
        return bool((values > 0).all() or (values == -1).all())
    if node.op == "ConcatV2":
        axis = constant(inputs[-1], node_of)
        return axis is not None and bool(axis > 0)
    if node.op == "Slice":
        return (begins_with(constant(inputs[1], node_of), 0) and
                begins_with(constant(inputs[2], node_of), -1))
    if node.op == "StridedSlice":
        strides = constant(inputs[3], node_of)
        others = ("ellipsis_mask", "new_axis_mask", "shrink_axis_mask")
        return (begins_with(strides, 1) and
                all(attr(node, mask).i & 1 for mask in ("begin_mask", "end_mask")) and
                not any(attr(node, mask).i & 1 for mask in others))
    if node.op == "Squeeze":
        axes = attr(node, "squeeze_dims").list.i
        return bool(axes) and min(axes) > 0
    return False


def _first(node: Any, inputs: list[str], tensor: str, node_of: NodeOf) -> Reads | None:
    if node.op in ("Shape", "ShapeN"):
        index = tensor.rsplit(":", 1)[-1]
        return [(inputs[int(index) if index.isdigit() else 0], SIZE)]
    if node.op in COPIES:
        return [(inputs[0], FIRST)]
    if node.op == "Pack" and attr(node, "axis").i == 0:
        return [(inputs[0], VALUE)]
    if node.op in PARSERS:
        return [(inputs[0], SIZE)] if part(node, tensor) == "sparse_shapes" else None
    if is_reshaped_shape(node, tensor) and starts_with_size(inputs[2], node_of):
        return [(inputs[2], FIRST)]
    if node.op == "ConcatV2":
        axis = constant(inputs[-1], node_of)
        if axis is None or axis != 0:
            return None
        return [(name, aspect) for name in leading(inputs, node_of) for aspect in (FIRST, SIZE)]
    if node.op in ("Slice", "StridedSlice") and starts_at_0(node, inputs, node_of):
        others = [(name, VALUE) for name in inputs[2:]]
        return [(inputs[0], FIRST), *others]
    return None
