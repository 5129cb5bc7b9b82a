"""Tells which inputs the shapes in a graph depend on."""
from typing import Any

# Each entry of the output depends on the entries at its place; inputs may be broadcast.
_NAMES = """
    Abs Add AddN AddV2 AsString Cast CheckNumerics ClipByValue Cos Div DivNoNan Elu Equal Erf Erfc
    Exp Expm1 Floor FloorDiv FloorMod Greater GreaterEqual Identity Inv IsFinite IsInf IsNan
    LeakyRelu Less LessEqual Log Log1p LogSoftmax LogicalAnd LogicalNot LogicalOr LookupTableFind
    LookupTableFindV2 Maximum Minimum Mul MulNoNan Neg NotEqual Pow RealDiv Reciprocal Relu Relu6
    Rint Round Rsqrt Select SelectV2 Selu Sigmoid Sign Sin Softmax Softplus Softsign Sqrt Square
    SquaredDifference StopGradient Sub Tanh ZerosLike OnesLike
"""
ELEMENTWISE = frozenset(_NAMES.split())
# Here too only the shapes of the inputs matter.
_OTHERS = """
    AvgPool AvgPool3D BatchMatMul BatchMatMulV2 BatchMatMulV3 BiasAdd Conv2D Conv3D
    DepthwiseConv2dNative Einsum FusedBatchNorm FusedBatchNormV2 FusedBatchNormV3 Gather LRN MatMul
    MaxPool MaxPool3D Pack Placeholder PlaceholderV2 PlaceholderWithDefault Rank ReadVariableOp
    ResourceGather Shape Size Squeeze
"""
# By operation, the inputs that are sizes, axes and the like: the shape depends on their values.
_VALUES = {
    **dict.fromkeys((*ELEMENTWISE, *_OTHERS.split()), ()),
    **dict.fromkeys(("All", "Any", "ArgMax", "ArgMin", "BroadcastTo", "ExpandDims", "Max", "Mean",
                     "Min", "MirrorPad", "OneHot", "Pad", "PadV2", "Prod", "Reshape", "Sum", "Tile",
                     "TopKV2", "Transpose"), (1,)),
    "ConcatV2": (-1,),
    "Fill": (0,),
    "GatherV2": (2,),
    "Slice": (1, 2),
    "Split": (0,),
    "StridedSlice": (1, 2, 3),
}  # yapf: disable
# By operation, the attribute that counts the parsed tensors without a fixed shape.
_PARSERS = {"ParseExample": "Nsparse", "ParseExampleV2": "num_sparse"}
_VARIABLES = frozenset({"VarHandleOp", "Variable", "VariableV2"})


def shape_depends_on(node: Any, inputs: int) -> set[int] | None:
    """The indices of the inputs of a node whose values its output shapes depend on.

    Of all other inputs only the shapes matter. `None` if the operation is not known.

    Args:
        node: A `NodeDef`.
        inputs: The number of its inputs.
    """
    if node.op in _VARIABLES and _is_fixed(node.attr["shape"].shape):
        return set()
    if node.op in _PARSERS and _is_dense(node):
        return set()
    if node.op not in _VALUES:
        return None
    return {index % inputs for index in _VALUES[node.op]}


def _is_dense(node: Any) -> bool:
    """Whether an operation that parses examples makes tensors of fixed sizes only."""
    ragged = node.attr.get("ragged_value_types")
    return (node.attr[_PARSERS[node.op]].i == 0 and (ragged is None or not ragged.list.type) and
            all(map(_is_fixed, node.attr["dense_shapes"].list.shape)))


def _is_fixed(shape: Any) -> bool:
    return not shape.unknown_rank and all(dim.size >= 0 for dim in shape.dim)
