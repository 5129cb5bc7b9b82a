"""Warm-up requests, which TensorFlow Serving answers before it serves a model."""
import os
import pathlib
from typing import Any, Collection, Mapping

import numpy as np
import tensorflow as tf

from revsig_keras.errors import SavedModelError
from revsig_keras.files.arrays import load_arrays
from revsig_keras.files.byte_strings import refuse_lost_zeros
from revsig_keras.saved_model import files
from revsig_keras.saved_model.files import cause_of
from revsig_keras.saved_model.signatures import defaults
from revsig_keras.saved_model.signatures import dtype_of
from revsig_keras.saved_model.signatures import is_fed_by_arrays
from revsig_keras.saved_model.signatures import LoadedModel
from revsig_keras.saved_model.signatures import shape_of
from revsig_keras.saved_model.signatures import signatures

_RECORDS = (".tfrecord", ".tfrecords")
_ONLY = "x"
_DEFAULT = tf.saved_model.DEFAULT_SERVING_SIGNATURE_DEF_KEY
_FILE = pathlib.Path("assets.extra", "tf_serving_warmup_requests")


def load_inputs(path: str | os.PathLike[str],
                argument: str = "warmup") -> dict[str | None, np.ndarray]:
    """Reads sample inputs: one array in an .npy file, or arrays by input name in an .npz file.

    The only array may be called `x`, whatever the model calls its input; see `by_input`.

    A .tfrecord file holds the byte strings of the only input. They keep zeros at their end, as do
    arrays of objects; NumPy's arrays of byte strings do not, and are refused where some may be
    lost.

    Args:
        path: The file.
        argument: What error messages call it.

    Returns:
        The arrays by name, that of an .npy or .tfrecord file by `None`.
    """
    arrays: dict[str | None, np.ndarray]
    if pathlib.Path(path).suffix in _RECORDS:
        arrays = {None: _records(path, argument)}
    else:
        arrays = load_arrays(path, argument=f"`{argument}`")
        refuse_lost_zeros(arrays, f"`{argument}`")
    if not arrays or not all(array.ndim and len(array) for array in arrays.values()):
        raise ValueError(
            f"`{argument}` must have at least one row for each input. Received: "
            f"{path} with shapes { {name: array.shape for name, array in arrays.items()} }")
    return arrays


def _records(path: str | os.PathLike[str], argument: str) -> np.ndarray:
    try:
        records = list(tf.data.TFRecordDataset(os.fspath(path)).as_numpy_iterator())
    except tf.errors.OpError as error:
        raise ValueError(f"`{argument}` must be a readable TFRecord file. Received: "
                         f"{path}: {cause_of(error)}") from error
    array = np.empty(len(records), object)
    array[:] = records
    return array


def by_input(arrays: Mapping[str | None, np.ndarray],
             known: Collection[str]) -> dict[str | None, np.ndarray]:
    """Arrays by input, `None` for the only one: an array `x` alone, unless an input is called so.

    Args:
        arrays: The arrays by name.
        known: The names of the inputs, as far as they are known.
    """
    if list(arrays) == [_ONLY] and _ONLY not in known:
        return {None: arrays[_ONLY]}
    return dict(arrays)


def inputs_for(signature_def: Any, arrays: Mapping[str | None,
                                                   np.ndarray]) -> dict[str, np.ndarray] | None:
    """The inputs of a signature, in its dtypes.

    `None` if `arrays` are not its inputs: other names, other shapes, or values that its dtypes
    cannot hold.
    """
    arrays = by_input(arrays, signature_def.inputs)
    optional = set(signature_def.defaults)
    required = set(signature_def.inputs) - optional
    given = {name: array for name, array in arrays.items() if name is not None}
    if None in arrays and len(required) == 1:
        given = dict.fromkeys(required, arrays[None])
    if not required <= set(given) <= required | optional:
        return None
    inputs = {}
    for name, array in given.items():
        value = _as_input(signature_def.inputs[name], array)
        if value is None:
            return None
        inputs[name] = value
    return inputs


def _as_input(info: Any, array: np.ndarray) -> np.ndarray | None:
    """An array in the dtype of a `TensorInfo`; `None` if it does not fit."""
    if info.WhichOneof("encoding") != "name":
        return None
    dtype = dtype_of(info).base_dtype
    if not tf.TensorShape(info.tensor_shape).is_compatible_with(array.shape):
        return None
    if dtype == tf.string:
        return array if array.dtype.kind in "OSU" else None
    if array.dtype.kind not in "biuf" or not is_fed_by_arrays(dtype):
        return None
    with np.errstate(invalid="ignore", over="ignore"):
        converted = array.astype(dtype.as_numpy_dtype)
    if dtype.is_floating:
        return converted if (np.isfinite(converted) == np.isfinite(array)).all() else None
    return converted if (converted == array).all() else None


def write_requests(folder: pathlib.Path, meta_graph: Any, arrays: Mapping[str | None,
                                                                          np.ndarray]) -> None:
    """Writes one request for each signature that takes these inputs; replaces existing requests.

    Each request is tried first, since a server does not serve a model that fails at one.

    Raises:
        ValueError: If no signature takes them, or tensorflow-serving-api is not installed.
        SavedModelError: If a request fails, or cannot be written.
    """
    log_class = _prediction_log("`warmup` needs")
    requests = {}
    for name, signature_def in signatures(meta_graph).items():
        inputs = inputs_for(signature_def, arrays)
        if inputs is not None:
            requests[name] = inputs
    if not requests:
        expected = "; ".join(f"{name} takes {_listing(signature_def)}"
                             for name, signature_def in signatures(meta_graph).items())
        received = ", ".join(f"{name or 'one array'} ({array.dtype.name}, shape {array.shape})"
                             for name, array in arrays.items())
        raise ValueError(f"`warmup` must have the inputs of a signature: {expected}. "
                         f"Received: {received}")
    _try(folder, meta_graph, requests)
    (folder / _FILE).parent.mkdir(exist_ok=True)
    with files.clear_errors("`warmup` cannot be written"):
        with tf.io.TFRecordWriter(str(folder / _FILE)) as file:
            for name, inputs in requests.items():
                log = log_class()
                request = log.predict_log.request
                request.model_spec.signature_name = name
                for key, value in inputs.items():
                    request.inputs[key].CopyFrom(tf.make_tensor_proto(value))
                file.write(log.SerializeToString())


def leave_out_requests(folder: pathlib.Path, saved_model: files.SavedModel) -> None:
    """Removes warm-up requests for signatures or outputs that the model does not have.

    A server does not serve a model that fails at one.

    Args:
        folder: The folder of the SavedModel.
        saved_model: Its graphs.

    Raises:
        ValueError: If there are requests, and tensorflow-serving-api is not installed.
        SavedModelError: If they cannot be read or written.
    """
    file = folder / _FILE
    if not file.exists():
        return
    log_class = _prediction_log("`drop_outputs`, for a model with warm-up requests, needs")
    with files.clear_errors("the model's warm-up requests cannot be adapted", Exception):
        records = list(tf.data.TFRecordDataset(str(file)).as_numpy_iterator())
        kept = [
            record for record in records if any(
                _is_answered(log_class.FromString(record), graph.signature_def)
                for graph in saved_model.meta_graphs)
        ]
        if len(kept) < len(records):
            with tf.io.TFRecordWriter(str(file)) as writer:
                for record in kept:
                    writer.write(record)


def _is_answered(log: Any, definitions: Mapping[str, Any]) -> bool:
    """Whether all signatures and outputs that a `PredictionLog` asks for are there."""
    kind = log.WhichOneof("log_type")
    if kind not in ("classify_log", "regress_log", "predict_log", "multi_inference_log"):
        return True
    request = getattr(log, kind).request
    tasks = request.tasks if kind == "multi_inference_log" else [request]
    names = {task.model_spec.signature_name or _DEFAULT for task in tasks}
    outputs = set(request.output_filter) if kind == "predict_log" else set()
    return all(name in definitions and outputs <= set(definitions[name].outputs) for name in names)


def _prediction_log(what: str) -> Any:
    """The class of warm-up requests.

    Raises:
        ValueError: If it is not installed; the message begins with `what` needs it.
    """
    try:
        from tensorflow_serving.apis import prediction_log_pb2
    except ImportError as error:
        raise ValueError(f"{what} tensorflow-serving-api: "
                         "pip install 'revsig_keras[serving]'") from error
    return prediction_log_pb2.PredictionLog


def _listing(signature_def: Any) -> str:
    return ", ".join(f"{name} ({_kind(info)}{dtype_of(info).name}, shape {shape_of(info)})"
                     for name, info in sorted(signature_def.inputs.items()))


def _kind(info: Any) -> str:
    """A word for tensors that are no arrays, which a request cannot hold."""
    return {
        "coo_sparse": "sparse, which no request can hold, ",
        "composite_tensor": "composite, which no request can hold, "
    }.get(info.WhichOneof("encoding"), "")


def _try(folder: pathlib.Path, meta_graph: Any, requests: Mapping[str, dict[str,
                                                                            np.ndarray]]) -> None:
    """Raises `SavedModelError` if the model in a folder does not answer one of the requests."""
    with LoadedModel(folder, meta_graph) as model:
        for name, inputs in requests.items():
            signature_def = meta_graph.signature_def[name]
            outputs = {key: info.name for key, info in signature_def.outputs.items() if info.name}
            try:
                model.run(name, {**defaults(signature_def), **inputs}, outputs)
            except SavedModelError as error:
                raise SavedModelError(
                    f"`warmup` must have inputs that are answered: {error}") from error
