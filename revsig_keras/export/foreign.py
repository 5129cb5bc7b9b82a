"""Defends a SavedModel that another program wrote."""
import dataclasses
import pathlib
from typing import Any, Mapping

import numpy as np
import tensorflow as tf

from revsig_keras.defences.base import Defence
from revsig_keras.defences.numerics.probabilities import epsilon
from revsig_keras.defended_model.expectations import check_scores
from revsig_keras.defended_model.heads import with_dtype
from revsig_keras.defended_model.ruin import tell_ruin
from revsig_keras.errors import SavedModelError
from revsig_keras.export.scores import choose_scores
from revsig_keras.export.scores import drop_outputs
from revsig_keras.export.scores import OutputChoice
from revsig_keras.export.scores import Scores
from revsig_keras.export.surgery import defend_tensor
from revsig_keras.export.surgery import leave_signatures_only
from revsig_keras.export.warmup import inputs_for
from revsig_keras.export.warmup import leave_out_requests
from revsig_keras.saved_model import files
from revsig_keras.saved_model import mark
from revsig_keras.saved_model.data_flow import DataFlow
from revsig_keras.saved_model.signatures import defaults
from revsig_keras.saved_model.signatures import dtype_of
from revsig_keras.saved_model.signatures import LoadedModel
from revsig_keras.saved_model.signatures import random_inputs
from revsig_keras.saved_model.signatures import shape_of
from revsig_keras.saved_model.signatures import signatures


@dataclasses.dataclass(frozen=True)
class _Score:
    """A tensor of scores, and the signature and output by which it was tried.

    `inputs` is what it was tried on, `None` if no inputs could be made up.
    """
    signature: str
    output: str
    tensor: str
    shape: tuple[int | None, ...]
    defence: Defence
    inputs: Mapping[str, np.ndarray] | None

    @property
    def name(self) -> str:
        return f"{self.signature}/{self.output}"


def defend_saved_model(source: pathlib.Path,
                       target: pathlib.Path,
                       defences: Mapping[str | None, Defence],
                       outputs: OutputChoice = OutputChoice(),
                       samples: Mapping[str | None, np.ndarray] | None = None) -> tuple[str, ...]:
    """Writes a copy of a SavedModel whose scores are defended.

    1. Choose the scores, by name or because no other output can be scores.
    2. Call the model, on samples or on random inputs, and refuse scores that the defence does not
       expect. Where no inputs can be made up, the graph has to tell.
    3. Put the defence between these tensors and the outputs; remove all that Python could call.
    4. Call the copy: its answers have to be those of the layer on the clean scores.

    Names, dtypes, shapes, tags, methods, defaults, variables, assets and all other files stay as
    they are, but for warm-up requests for outputs that are left out.

    Args:
        source: Its folder.
        target: Folder to be made.
        defences: Defences by output, as for `choose_scores`. Each is applied in the dtype of its
            scores.
        outputs: The owner's choice among the outputs.
        samples: Inputs by name, `None` for the only one.

    Returns:
        The scores, "signature/output", that could not be tried.

    Raises:
        ValueError: If the model does not fit, with the remedy.
        SavedModelError: If the model cannot be loaded.
        OSError: If a file cannot be read or written.
    """
    saved_model = _read_undefended(source)
    drop_outputs(saved_model, outputs.dropped)
    served = [graph for graph in saved_model.meta_graphs if signatures(graph)]
    if not served:
        raise ValueError(f"there is no signature to be served. Received: {source}")
    found = []
    for meta_graph in served:
        chosen = choose_scores(meta_graph, defences, outputs)
        scores = _try(source, meta_graph, chosen, samples)
        for score, each in zip(scores, chosen):
            dtype = score.defence.compute_dtype
            perturbed = defend_tensor(meta_graph, score.tensor, score.defence, score.shape, dtype)
            for info in each.outputs.values():
                info.name = perturbed
        found.append((meta_graph, scores))
    for meta_graph in saved_model.meta_graphs:
        leave_signatures_only(meta_graph)
    files.write_copy(source, target, saved_model)
    if outputs.dropped:
        leave_out_requests(target, saved_model)
    for meta_graph, scores in found:
        if any(score.inputs is not None for score in scores):
            _check_answers(target, meta_graph, scores)
    return tuple(score.name for _, scores in found for score in scores if score.inputs is None)


def _read_undefended(source: pathlib.Path) -> Any:
    saved_model = files.read(source)
    for meta_graph in saved_model.meta_graphs:
        if any(map(mark.is_marked, meta_graph.graph_def.library.function)):
            raise ValueError("the model is defended already, and a defence is applied once only. "
                             f"Received: {source}")
    return saved_model


def _try(source: pathlib.Path, meta_graph: Any, chosen: list[Scores],
         samples: Mapping[str | None, np.ndarray] | None) -> list[_Score]:
    """Calls the model, and returns the scores of one graph."""
    scores = []
    with LoadedModel(source, meta_graph) as model:
        for each in chosen:
            (signature, output), inputs, values, reason = _call(model, meta_graph, each, samples)
            info = each.outputs[signature, output]
            dtype = dtype_of(info)
            layer = with_dtype(each.defence, dtype.name)
            try:
                if values is not None and values.dtype != dtype.as_numpy_dtype:
                    raise ValueError("the tensor must have the dtype of the signature, "
                                     f"{dtype.name}. Received: {values.dtype.name}")
                shape = _shape(info, values, layer)
                layer.check_input(shape)
                if values is None or not check_scores(values, layer):
                    _check_graph(meta_graph, each.tensor, layer, reason)
            except ValueError as error:
                raise ValueError(f"{signature}/{output}: {error}") from error
            if values is not None:
                tell_ruin(layer, values, f"{signature}/{output}", made_up=samples is None)
            scores.append(_Score(signature, output, each.tensor, shape, layer, inputs))
    return scores


def _call(
    model: LoadedModel, meta_graph: Any, scores: Scores,
    samples: Mapping[str | None, np.ndarray] | None
) -> tuple[tuple[str, str], Mapping[str, np.ndarray] | None, np.ndarray | None, str]:
    """Runs a tensor by one of the signatures that have it: on samples, else on random inputs.

    Returns:
        (signature, output), the inputs, the values, and the reason why the last two are `None`,
        which they are if all signatures fail.
    """
    trials: list[tuple[str, str, Mapping[str, np.ndarray] | None]] = []
    for signature, output in scores.outputs:
        signature_def = meta_graph.signature_def[signature]
        given = None if samples is None else inputs_for(signature_def, samples)
        if given is not None:
            trials.insert(0, (signature, output, {**defaults(signature_def), **given}))
        else:
            trials.append((signature, output, random_inputs(signature_def)))
    reason = "no inputs can be made up"
    for signature, output, inputs in trials:
        if inputs is not None:
            try:
                values = model.run(signature, inputs, {output: scores.tensor})[output]
                return (signature, output), inputs, values, ""
            except SavedModelError as error:
                reason = str(error)
    return next(iter(scores.outputs)), None, None, reason


def _check_graph(meta_graph: Any, tensor: str, defence: Defence, reason: str) -> None:
    """Raises `ValueError` unless the graph tells that the defence expects such a tensor."""
    computed_by = DataFlow(meta_graph.graph_def).computed_by(tensor)
    expected = "Sigmoid" if defence.multi_label else "Softmax"
    if defence.from_logits or computed_by != expected:
        raise ValueError("whether these are the scores that the defence expects could not be "
                         f"tried on made-up inputs ({reason}). Give some real ones by `warmup`")


def _shape(info: Any, values: np.ndarray | None, defence: Defence) -> tuple[int | None, ...]:
    """The shape of scores; the number of classes may be known from `values` only."""
    shape = shape_of(info)
    if values is None:
        if shape is None:
            raise ValueError("the number of classes is not known. Give some inputs by `warmup`")
        return shape
    sizes, axis = list(shape or [None] * values.ndim), defence.axis
    if not defence.multi_label and -len(sizes) <= axis < len(sizes):
        sizes[axis] = values.shape[axis]
    return tuple(sizes)


def _check_answers(path: pathlib.Path, meta_graph: Any, scores: list[_Score]) -> None:
    """Raises `ValueError` unless the copy answers as the defence does on its clean scores."""
    with LoadedModel(path, meta_graph) as model:
        for score in scores:
            if score.inputs is None:
                continue
            info = meta_graph.signature_def[score.signature].outputs[score.output]
            answers = model.run(score.signature, score.inputs, {
                "clean": score.tensor,
                "defended": info.name
            })
            expected = score.defence(tf.constant(answers["clean"]), training=False)
            tolerance = max(1e-5, 4 * epsilon(score.defence.compute_dtype))
            if not np.allclose(np.asarray(answers["defended"], "float64"),
                               np.asarray(expected, "float64"),
                               tolerance,
                               1e-7,
                               equal_nan=True):
                raise ValueError(f"{score.name}: the defended model does not answer as the layer "
                                 "does; this is a defect, please report it")
