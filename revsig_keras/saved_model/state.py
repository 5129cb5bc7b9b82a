"""Tells which operations use the state that is kept from call to call."""
from tensorflow.python.framework import op_def_registry

# Stateful operations that return their inputs, random numbers or the result of a function.
_PASS_ON = frozenset({
    "Assert", "Case", "CheckNumerics", "CheckNumericsV2", "If", "PartitionedCall", "Placeholder",
    "Print", "PrintV2", "RandomStandardNormal", "RandomUniform", "RandomUniformInt", "RefIdentity",
    "RefMerge", "RefSwitch", "StatefulPartitionedCall", "TruncatedNormal", "While"
})
# Operations on state that write nothing that another call can read.
_READS = _PASS_ON | {
    "HashTable", "HashTableV2", "IsVariableInitialized", "LookupTableExport", "LookupTableExportV2",
    "LookupTableFind", "LookupTableFindV2", "LookupTableSize", "LookupTableSizeV2",
    "MutableDenseHashTable", "MutableDenseHashTableV2", "MutableHashTable", "MutableHashTableV2",
    "ReadVariableOp", "ResourceGather", "ResourceGatherNd", "VarHandleOp", "VarIsInitializedOp",
    "Variable", "VariableShape", "VariableV2"
}
# Files are state too, though TensorFlow does not call what reads them stateful.
_FILES = frozenset({"MatchingFiles", "ReadFile"})
# TensorFlow calls it stateful, but it is a function of its inputs.
_COMPUTED = "XlaCallModule"
# By these, loops of TensorFlow 1 pass tensors on; they are gone when the request is answered.
_OF_ONE_REQUEST = "TensorArray"


def may_write(operation: str) -> bool:
    """Whether an operation may write something that another call can read.

    `True` for operations that TensorFlow does not know.
    """
    if operation in _READS or operation.startswith(_OF_ONE_REQUEST):
        return False
    definition = op_def_registry.get(operation)
    return (definition is None or definition.is_stateful or
            any(argument.is_ref for argument in definition.input_arg))


def may_read(operation: str) -> bool:
    """Whether an operation may answer with more than its inputs, such as what a call has written.

    `True` for operations that TensorFlow does not know.
    """
    if operation in _PASS_ON or operation.startswith((_COMPUTED, _OF_ONE_REQUEST)):
        return False
    definition = op_def_registry.get(operation)
    return operation in _FILES or definition is None or definition.is_stateful
