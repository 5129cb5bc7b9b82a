"""Victims in SavedModels, called by a signature as TensorFlow Serving calls them."""
import hashlib
import pathlib
from typing import Any

import numpy as np
import tensorflow as tf

from models.victim.own.source import Source
from revsig_keras.saved_model import files
from revsig_keras.saved_model import mark
from revsig_keras.saved_model.signatures import defaults
from revsig_keras.saved_model.signatures import dtype_of
from revsig_keras.saved_model.signatures import shape_of
from revsig_keras.saved_model.signatures import signatures

_DEFAULT = "serving_default"


def open_saved_model(path: pathlib.Path, signature: str | None, output: str | None) -> Source:
    """Opens a SavedModel of TensorFlow 1 or 2.

    Args:
        path: Its folder.
        signature: The signature to call. `None` for `serving_default`, or the only one.
        output: The output that answers. `None` for the only one.

    Raises:
        ValueError: If it cannot be read, is defended, or has no such signature or output, or if the
            signature needs other inputs than one of numbers.
        SavedModelError: If it cannot be loaded. `answer` raises it if it fails.
    """
    meta_graph = _served(files.read(path))
    if any(map(mark.is_marked, meta_graph.graph_def.library.function)):
        raise ValueError("`victim` must be undefended: a run adds its defences. "
                         f"Received: {path}, which is defended")
    there = signatures(meta_graph)
    if signature is None:
        signature = next(iter(there)) if len(there) == 1 else _DEFAULT
    if signature not in there:
        raise ValueError("`victim_signature` must be one of the model's signatures: "
                         f"{', '.join(there) or 'none'}. Received: {signature!r} for {path}")
    chosen = there[signature]
    name = _input_name(chosen, signature)
    output = _output_name(chosen, output)
    info = chosen.inputs[name]
    given = {key: tf.constant(value) for key, value in defaults(chosen).items()}
    with files.clear_errors(f"{path} cannot be loaded", Exception):
        # Not in a session: it restores no variables of a Keras model that is part of a module.
        model = tf.saved_model.load(path, list(meta_graph.meta_info_def.tags))

    def answer(inputs: np.ndarray) -> np.ndarray:
        with files.clear_errors(f"the signature {signature} of {path} fails", Exception):
            run = model.signatures[signature]
            return run(**{**given, name: tf.constant(inputs)})[output].numpy()

    shape = shape_of(info)
    return Source(path.name, "saved_model", answer, _digest(path), shape and shape[1:],
                  np.dtype(dtype_of(info).as_numpy_dtype), shape[0] if shape else None)


def _served(saved_model: Any) -> Any:
    """The graph that is served."""
    tagged = [graph for graph in saved_model.meta_graphs if "serve" in graph.meta_info_def.tags]
    return (tagged or saved_model.meta_graphs)[0]


def _input_name(chosen, signature):
    needed = sorted(name for name in chosen.inputs if name not in chosen.defaults)
    is_one = len(needed) == 1
    dtype = dtype_of(chosen.inputs[needed[0]]) if is_one else None
    if not is_one or not (dtype.is_floating or dtype.is_integer):
        raise ValueError("`victim_signature` must name a signature with one input, of numbers. "
                         f"Received: {signature}, with {_listing(chosen.inputs)}")
    return needed[0]


def _output_name(chosen, output):
    names = sorted(chosen.outputs)
    if output is None and len(names) == 1:
        return names[0]
    if output not in names:
        raise ValueError("`victim_output` must be one of the signature's outputs: "
                         f"{_listing(chosen.outputs)}. Received: {output or 'no name'}")
    return output


def _listing(infos):
    described = [f"{name} ({dtype_of(infos[name]).name})" for name in sorted(infos)]
    return ", ".join(described) or "none"


def _digest(path: pathlib.Path) -> str:
    """The SHA-256 of all files and their names."""
    digest = hashlib.sha256()
    for file in sorted(file for file in path.rglob("*") if file.is_file()):
        digest.update(repr((file.relative_to(path).as_posix(), file.stat().st_size)).encode())
        with file.open("rb") as opened:
            digest.update(hashlib.file_digest(opened, "sha256").digest())
    return digest.hexdigest()
