"""Clean scores of a model on the owner's rows."""
from collections.abc import Mapping
import pathlib
from typing import Any

import keras
import numpy as np

from revsig_keras.defences.base import Defence
from revsig_keras.defended_model.model import DefendedModel
from revsig_keras.errors import cause_line
from revsig_keras.errors import SavedModelError
from revsig_keras.export.owner_inputs import Arrays
from revsig_keras.export.owner_inputs import OwnerInputs
from revsig_keras.export.owner_inputs import pack
from revsig_keras.export.scores import choose_scores
from revsig_keras.export.scores import drop_outputs
from revsig_keras.export.scores import OutputChoice
from revsig_keras.export.warmup import inputs_for
from revsig_keras.saved_model import files
from revsig_keras.saved_model.signatures import defaults
from revsig_keras.saved_model.signatures import LoadedModel
from revsig_keras.saved_model.signatures import shape_of
from revsig_keras.saved_model.signatures import signatures


def of_keras_model(defended: DefendedModel, inputs: OwnerInputs) -> list[np.ndarray]:
    """The clean scores of the outputs of a model that are defended, in order.

    Args:
        defended: The model, with any defences.
        inputs: The owner's rows.

    Raises:
        ValueError: If the model fails on them.
    """
    model = defended.model
    parts = []
    for arrays in inputs.batches():
        packed = pack(model, arrays)
        try:
            outputs = model(keras.tree.map_structure(keras.ops.convert_to_tensor, packed),
                            training=False)
        except Exception as error:  # pylint: disable=broad-except
            # A model may raise anything.
            raise ValueError("`inputs` must have what `model` takes. Received: "
                             f"{_listing(arrays)}. It raised: {cause_line(error)}") from error
        parts.append([keras.ops.convert_to_numpy(x) for x in defended.defended_scores(outputs)])
    return [np.concatenate(column) for column in zip(*parts)]


def of_saved_model(path: pathlib.Path, defences: Mapping[str | None, Defence],
                   outputs: OutputChoice, inputs: OwnerInputs) -> dict[str | None, np.ndarray]:
    """The clean scores of a SavedModel, by the names that `defences` has for them.

    Raises:
        ValueError: If there are no such scores, or the rows are not the inputs of a signature.
        SavedModelError: If the model cannot be loaded.
    """
    saved_model = files.read(path)
    drop_outputs(saved_model, outputs.dropped)
    served = [graph for graph in saved_model.meta_graphs if signatures(graph)]
    if not served:
        raise ValueError(f"there is no signature to be served. Received: {path}")
    chosen = choose_scores(served[0], defences, outputs)
    found: dict[str | None, np.ndarray] = {}
    with LoadedModel(path, served[0]) as model:
        for name, defence in defences.items():
            places = [(*place, scores.tensor) for scores in chosen if scores.defence is defence
                      for place in scores.outputs]
            found[name] = _run(model, served[0], places, inputs)
    return found


def _run(model: LoadedModel, meta_graph: Any, places: list[tuple[str, str, str]],
         inputs: OwnerInputs) -> np.ndarray:
    """The values of a tensor, by the first signature that takes the rows."""
    for signature, output, tensor in places:
        definition = meta_graph.signature_def[signature]
        size = _batch_size(definition)
        batches = [
            inputs_for(definition, arrays if size is None else _filled(arrays, size))
            for arrays in inputs.batches(size)
        ]
        if any(batch is None for batch in batches):
            continue
        try:
            scores = np.concatenate([
                model.run(signature, {
                    **defaults(definition),
                    **(batch or {})
                }, {output: tensor})[output] for batch in batches
            ])
            return scores if size is None else scores[:inputs.rows]
        except SavedModelError as error:
            raise ValueError(f"`inputs` must have what the model takes: {error}") from error
    expected = ", ".join(
        sorted({
            f"{name} of shape {shape_of(info)}" for signature, _, _ in places
            for name, info in meta_graph.signature_def[signature].inputs.items()
        }))
    raise ValueError(f"`inputs` must have the arrays that the model takes: {expected}. Received: "
                     f"{_listing(inputs.arrays)}")


def _batch_size(definition: Any) -> int | None:
    """The number of rows that a signature takes at a time, `None` for any."""
    sizes = {(shape_of(info) or (None,))[0] if shape_of(info) != () else None
             for info in definition.inputs.values()}
    return max((size for size in sizes if size), default=None)


def _filled(arrays: Arrays, size: int) -> Arrays:
    """As many rows as a batch of a fixed size has: the rows, and some of them again."""
    return {name: np.resize(array, (size, *array.shape[1:])) for name, array in arrays.items()}


def _listing(arrays: Arrays) -> str:
    return ", ".join(f"{name or 'x'} of dtype {array.dtype} and shape {array.shape}"
                     for name, array in arrays.items())
