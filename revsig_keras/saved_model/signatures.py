"""The signatures of a SavedModel, called as TensorFlow Serving calls them."""
import pathlib
from typing import Any, Callable, Collection, Iterator, Mapping

import numpy as np
import tensorflow as tf

from revsig_keras.errors import SavedModelError
from revsig_keras.files.arrays import random_array
from revsig_keras.saved_model.files import clear_errors

INIT_SIGNATURE = "__saved_model_init_op"
TRAIN_SIGNATURE = "__saved_model_train_op"
_NO_SIGNATURES = frozenset({INIT_SIGNATURE, TRAIN_SIGNATURE})
# Not handles, nor quantized or packed numbers.
_FED_BY_ARRAYS = frozenset({
    "bool", "string", "float16", "bfloat16", "float32", "float64", "complex64", "complex128",
    *(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64))
})


def signatures(meta_graph: Any) -> dict[str, Any]:
    """The `SignatureDef`s that are meant to be queried, by name."""
    return {
        name: meta_graph.signature_def[name]
        for name in sorted(meta_graph.signature_def)
        if name not in _NO_SIGNATURES
    }


def shape_of(info: Any) -> tuple[int | None, ...] | None:
    """The shape in a `TensorInfo`, `None` where it has no known rank."""
    if info.tensor_shape.unknown_rank:
        return None
    return tuple(dim.size if dim.size >= 0 else None for dim in info.tensor_shape.dim)


def dtype_of(info: Any) -> tf.DType:
    """The dtype in a `TensorInfo`.

    Raises:
        ValueError: If TensorFlow does not know it.
    """
    return known_dtype(info.dtype, f"the tensor {info.name} of a signature")


def known_dtype(number: int, what: str) -> tf.DType:
    """The dtype of a number in a SavedModel; `what` has it.

    Raises:
        ValueError: If TensorFlow does not know it.
    """
    try:
        return tf.dtypes.as_dtype(number)
    except TypeError as error:
        raise ValueError(f"the SavedModel is corrupt: {what} must have a dtype. "
                         f"Received: {number}") from error


def is_fed_by_arrays(dtype: tf.DType) -> bool:
    """Whether NumPy arrays of numbers or text can be fed to a tensor of this dtype."""
    return dtype.base_dtype.name in _FED_BY_ARRAYS


class LoadedModel:
    """A SavedModel, loaded with its variables, tables and assets; a context manager.

    Args:
        path: Its folder.
        meta_graph: The one of its `MetaGraphDef`s to load.

    Raises:
        SavedModelError: If it is corrupt, or needs operations that are not registered.
    """

    def __init__(self, path: pathlib.Path, meta_graph: Any):
        self._path = path
        self._session = tf.compat.v1.Session(graph=tf.Graph())
        tags = list(meta_graph.meta_info_def.tags)
        try:
            with self._session.graph.as_default(), clear_errors(f"{path} cannot be loaded",
                                                                Exception):
                self._meta_graph = tf.compat.v1.saved_model.loader.load(
                    self._session, tags, str(path))
        except SavedModelError:
            self._session.close()
            raise

    def __enter__(self) -> "LoadedModel":
        return self

    def __exit__(self, *exception: Any) -> None:
        self._session.close()

    def run(self, signature: str, inputs: Mapping[str, Any],
            tensors: Mapping[str, str]) -> dict[str, Any]:
        """Returns the values of `tensors`, by their keys, for the named inputs of a signature.

        Raises:
            SavedModelError: If the model fails.
        """
        infos = self._meta_graph.signature_def[signature].inputs
        # Tensors may not exist, or be of dtypes that cannot be fed.
        with clear_errors(f"the signature {signature} fails", Exception):
            return self._session.run(dict(tensors), {
                infos[name].name: value for name, value in inputs.items()
            })

    def callable(self, signature: str) -> Callable[..., list[np.ndarray]]:
        """Returns a function from the inputs of a signature to its outputs, both by name order.

        It is as fast as a session gets, and raises the errors of TensorFlow.
        """
        signature_def = self._meta_graph.signature_def[signature]
        feeds, fetches = ([infos[name].name
                           for name in sorted(infos)]
                          for infos in (signature_def.inputs, signature_def.outputs))
        return self._session.make_callable(fetches, feeds)


def defaults(signature_def: Any) -> dict[str, np.ndarray]:
    """The values of the inputs that a request may leave out."""
    return {name: tf.make_ndarray(value) for name, value in signature_def.defaults.items()}


def random_inputs(signature_def: Any) -> dict[str, np.ndarray] | None:
    """A batch of made-up inputs for a signature, its defaults where it has them.

    `None` where an input does not tell its rank, or NumPy has nothing of its dtype.
    """
    generator = np.random.default_rng(0)
    inputs = defaults(signature_def)
    for name, info in sorted(signature_def.inputs.items()):
        if name in inputs:
            continue
        shape, dtype = shape_of(info), dtype_of(info)
        if shape is None or info.WhichOneof("encoding") != "name" or not is_fed_by_arrays(dtype):
            return None
        inputs[name] = random_array(shape, dtype.base_dtype.name, generator)
    return inputs


def is_named(names: Collection[str], signature: str, output: str) -> bool:
    """Whether an output is among `names`, given as "output" or as "signature/output"."""
    return output in names or f"{signature}/{output}" in names


def each_output(meta_graph: Any) -> Iterator[tuple[str, str, Any]]:
    """Signature name, output name and `TensorInfo` of each output."""
    for signature, signature_def in signatures(meta_graph).items():
        for name in sorted(signature_def.outputs):
            yield signature, name, signature_def.outputs[name]


def tensors_of(info: Any) -> list[str]:
    """The names of the tensors of a `TensorInfo`; sparse and ragged tensors have several."""
    encoding = info.WhichOneof("encoding")
    if encoding == "coo_sparse":
        sparse = info.coo_sparse
        return [
            sparse.values_tensor_name, sparse.indices_tensor_name, sparse.dense_shape_tensor_name
        ]
    if encoding == "composite_tensor":
        return [part.name for part in info.composite_tensor.components]
    return [info.name]


def fed_tensors(meta_graph: Any) -> set[str]:
    """The names of the tensors that a client feeds; in TensorFlow 1 these may be any tensors."""
    return {
        name for signature_def in meta_graph.signature_def.values()
        for info in signature_def.inputs.values() for name in tensors_of(info)
    }
