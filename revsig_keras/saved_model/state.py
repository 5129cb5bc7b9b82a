"""Tells which operations write to the state that is kept from call to call."""
from tensorflow.python.framework import op_def_registry

# Operations on state that write nothing that another call can read.
_READS = frozenset({
    "Assert", "Case", "Placeholder", "PartitionedCall", "RefMerge", "RefSwitch",
    "StatefulPartitionedCall", "CheckNumerics", "CheckNumericsV2", "HashTable", "HashTableV2", "If",
    "IsVariableInitialized", "LookupTableExport", "LookupTableExportV2", "LookupTableFind",
    "LookupTableFindV2", "LookupTableSize", "LookupTableSizeV2", "MutableDenseHashTable",
    "MutableDenseHashTableV2", "MutableHashTable", "MutableHashTableV2", "Print", "PrintV2",
    "RandomStandardNormal", "RandomUniform", "RandomUniformInt", "ReadVariableOp", "RefIdentity",
    "ResourceGather", "ResourceGatherNd", "TruncatedNormal", "VarHandleOp", "VarIsInitializedOp",
    "Variable", "VariableShape", "VariableV2", "While"
})


def may_write(operation: str) -> bool:
    """Whether an operation may write something that another call can read.

    `True` for operations that TensorFlow does not know.
    """
    if operation in _READS:
        return False
    definition = op_def_registry.get(operation)
    return (definition is None or definition.is_stateful or
            any(argument.is_ref for argument in definition.input_arg))
