"""The signatures of a SavedModel, called as TensorFlow Serving calls them."""
import pathlib
from typing import Any, Callable, Collection, Iterator, Mapping

import numpy as np
import tensorflow as tf

from revsig_keras.defended_model.probe import made_up
from revsig_keras.saved_model.files import clear_errors

INIT_SIGNATURE = "__saved_model_init_op"
TRAIN_SIGNATURE = "__saved_model_train_op"
_NO_SIGNATURES = frozenset({INIT_SIGNATURE, TRAIN_SIGNATURE})


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
        ValueError: If it is none that TensorFlow knows.
    """
    try:
        return tf.dtypes.as_dtype(info.dtype)
    except TypeError as error:
        raise ValueError(f"the SavedModel is corrupt: the tensor {info.name} of a signature must "
                         f"have a dtype. Received: {info.dtype}") from error


class LoadedModel:
    """A SavedModel, loaded with its variables, tables and assets; a context manager.

    Args:
        path: Its folder.
        meta_graph: That of its `MetaGraphDef`s to load.

    Raises:
        OSError: If it is corrupt, or needs operations that are not there.
    """

    def __init__(self, path: pathlib.Path, meta_graph: Any):
        self._path = path
        self._session = tf.compat.v1.Session(graph=tf.Graph())
        tags = list(meta_graph.meta_info_def.tags)
        try:
            with self._session.graph.as_default(), clear_errors(f"{path} cannot be loaded"):
                self._meta_graph = tf.compat.v1.saved_model.loader.load(
                    self._session, tags, str(path))
        except (ValueError, KeyError, TypeError) as error:  # Of a graph that is inconsistent.
            self._session.close()
            raise OSError(f"{path} cannot be loaded: {str(error).splitlines()[0]}") from error
        except OSError:
            self._session.close()
            raise

    def __enter__(self) -> "LoadedModel":
        return self

    def __exit__(self, *exception: Any) -> None:
        self._session.close()

    def run(self, signature: str, inputs: Mapping[str, Any],
            tensors: Mapping[str, str]) -> dict[str, Any]:
        """The values of `tensors`, by their keys, for the inputs of a signature by their names."""
        infos = self._meta_graph.signature_def[signature].inputs
        try:
            with clear_errors(f"the signature {signature} fails"):
                return self._session.run(dict(tensors), {
                    infos[name].name: value for name, value in inputs.items()
                })
        except (ValueError, KeyError, TypeError) as error:  # Of tensors that are not there.
            raise OSError(
                f"the signature {signature} fails: {str(error).splitlines()[0]}") from error

    def callable(self, signature: str) -> Callable[..., list[np.ndarray]]:
        """What computes all outputs of a signature of its inputs, both in the order of the names.

        It is as fast as a session gets, and raises what TensorFlow raises.
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

    `None` where its inputs do not tell their rank.
    """
    generator = np.random.default_rng(0)
    inputs = defaults(signature_def)
    for name, info in sorted(signature_def.inputs.items()):
        if name in inputs:
            continue
        shape = shape_of(info)
        if shape is None or info.WhichOneof("encoding") != "name":
            return None
        inputs[name] = made_up(shape, dtype_of(info).name, generator)
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
    """The names of the tensors of a `TensorInfo`, of which sparse and ragged ones have several."""
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
    """The names of the tensors that a client gives; in TensorFlow 1 they may be any."""
    return {
        name for signature_def in meta_graph.signature_def.values()
        for info in signature_def.inputs.values() for name in tensors_of(info)
    }
