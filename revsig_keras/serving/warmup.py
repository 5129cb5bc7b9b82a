"""Requests that TensorFlow Serving answers once when it loads a model, before it serves it."""
import pathlib
from typing import Any, Mapping
import zipfile

import numpy as np
import tensorflow as tf

from revsig_keras.program import first_line
from revsig_keras.serving.signatures import signatures

_FILE = pathlib.Path("assets.extra", "tf_serving_warmup_requests")


def load_inputs(path: str) -> dict[str | None, np.ndarray]:
    """Reads sample inputs: an .npy file for the only input, an .npz file of arrays by input name.

    Returns:
        The arrays by name, that of an .npy file by `None`.
    """
    try:
        loaded = np.load(path, allow_pickle=False)
        arrays = dict(loaded) if isinstance(loaded, np.lib.npyio.NpzFile) else {None: loaded}
    except (OSError, EOFError, ValueError, zipfile.BadZipFile) as error:
        raise ValueError("--warmup must be a readable .npy or .npz file of inputs, made without "
                         f"pickle. Received: {path}: {first_line(error)}") from error
    if not arrays or not all(array.ndim and len(array) for array in arrays.values()):
        raise ValueError("--warmup must have at least one row for each input. Received: "
                         f"{path} with shapes { {k: v.shape for k, v in arrays.items()} }")
    return arrays


def inputs_for(signature_def: Any, arrays: Mapping[str | None,
                                                   np.ndarray]) -> dict[str, np.ndarray] | None:
    """The inputs of a signature, in its dtypes; `None` if its inputs are not those of `arrays`."""
    optional = set(signature_def.defaults)
    required = set(signature_def.inputs) - optional
    if set(arrays) == {None} and len(required) == 1:
        arrays = dict(zip(required, arrays.values()))
    if not required <= set(arrays) <= required | optional:
        return None
    dtypes = {name: tf.dtypes.as_dtype(signature_def.inputs[name].dtype) for name in arrays}
    return {
        name: array if dtypes[name] == tf.string else array.astype(dtypes[name].as_numpy_dtype)
        for name, array in arrays.items()
    }


def write_requests(folder: pathlib.Path, meta_graph: Any, arrays: Mapping[str | None,
                                                                          np.ndarray]) -> None:
    """Writes one request for each signature that takes these inputs; replaces those there are."""
    try:
        from tensorflow_serving.apis import prediction_log_pb2
    except ImportError as error:
        raise ValueError("--warmup needs tensorflow-serving-api: "
                         "pip install 'revsig_keras[serving]'") from error
    logs = []
    for name, signature_def in signatures(meta_graph).items():
        inputs = inputs_for(signature_def, arrays)
        if inputs is not None:
            log = prediction_log_pb2.PredictionLog()
            request = log.predict_log.request
            request.model_spec.signature_name = name
            for key, value in inputs.items():
                request.inputs[key].CopyFrom(tf.make_tensor_proto(value))
            logs.append(log)
    if not logs:
        expected = {name: sorted(one.inputs) for name, one in signatures(meta_graph).items()}
        raise ValueError("--warmup must have the inputs of a signature: "
                         f"{expected}. Received: {sorted(map(str, arrays))}")
    (folder / _FILE).parent.mkdir(exist_ok=True)
    with tf.io.TFRecordWriter(str(folder / _FILE)) as file:
        for log in logs:
            file.write(log.SerializeToString())
