"""Defends a SavedModel that somebody else wrote."""
import dataclasses
import pathlib
from typing import Collection, Mapping

import numpy as np
import tensorflow as tf

from revsig_keras.defences.base import Defence
from revsig_keras.defences.numerics.probabilities import epsilon
from revsig_keras.defended_model.expectations import check_scores
from revsig_keras.export.scores import choose_scores
from revsig_keras.export.scores import drop_outputs
from revsig_keras.export.surgery import defend_tensor
from revsig_keras.export.surgery import leave_signatures_only
from revsig_keras.export.warmup import inputs_for
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

    `inputs` are those that it was tried on, `None` if none could be made up.
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
                       defence: Defence,
                       *,
                       output_name: str | None = None,
                       allowed: Collection[str] = (),
                       dropped: Collection[str] = (),
                       samples: Mapping[str | None, np.ndarray] | None = None) -> list[str]:
    """Writes a copy of a SavedModel whose scores are defended.

    1. Choose the scores, by name or because nothing else can be.
    2. Call the model, on samples or on random inputs: what is not what the defence expects is
       refused. Where no inputs can be made up, the graph has to tell.
    3. Put the defence between these tensors and the outputs; take away what Python could call.
    4. Call the copy: its answers have to be what the layer makes of the clean scores.

    Names, dtypes, shapes, tags, methods, defaults, variables, assets and all other files stay as
    they are.

    Args:
        source: Its folder.
        target: Folder to be made.
        defence: The defence. It is applied in the dtype of the scores.
        output_name: See `choose_scores`.
        allowed: Outputs that are no scores.
        dropped: Outputs that are left out.
        samples: Inputs by name, `None` for the only one.

    Returns:
        The scores, "signature/output", that could not be called.

    Raises:
        ValueError: If the model does not fit, with what to do about it.
        OSError: If a file cannot be read or written.
    """
    saved_model = files.read(source)
    for meta_graph in saved_model.meta_graphs:
        if any(map(mark.is_marked, meta_graph.graph_def.library.function)):
            raise ValueError("the model is defended already, and a defence is applied once only. "
                             f"Received: {source}")
    drop_outputs(saved_model, dropped)
    served = [graph for graph in saved_model.meta_graphs if signatures(graph)]
    if not served:
        raise ValueError(f"there is no signature to be served. Received: {source}")
    found = []
    for meta_graph in served:
        infos = choose_scores(meta_graph, output_name, allowed)
        scores = _try(source, meta_graph, infos, defence, samples)
        for score in scores:
            dtype = score.defence.compute_dtype
            perturbed = defend_tensor(meta_graph, score.tensor, score.defence, score.shape, dtype)
            for info in infos[score.tensor].values():
                info.name = perturbed
        found.append((meta_graph, scores))
    for meta_graph in saved_model.meta_graphs:
        leave_signatures_only(meta_graph)
    files.write_copy(source, target, saved_model)
    for meta_graph, scores in found:
        _check_answers(target, meta_graph, scores)
    return [score.name for _, scores in found for score in scores if score.inputs is None]


def _try(source, meta_graph, infos, defence, samples):
    """Calls the model, and returns the `_Score`s of one graph."""
    scores = []
    with LoadedModel(source, meta_graph) as model:
        for tensor, outputs in infos.items():
            (signature, output), inputs, values, why = _call(model, meta_graph, tensor, outputs,
                                                             samples)
            info = outputs[signature, output]
            dtype = dtype_of(info)
            layer = _with_dtype(defence, dtype.name)
            try:
                if values is not None and values.dtype != dtype.as_numpy_dtype:
                    raise ValueError(
                        f"the tensor must have the dtype of the signature, {dtype.name}"
                        f". Received: {values.dtype.name}")
                if values is None or not check_scores(values, layer):
                    _check_graph(meta_graph, tensor, layer, why)
                shape = _shape(info, values, layer)
                layer.check_input(shape)
            except ValueError as error:
                raise ValueError(f"{signature}/{output}: {error}") from error
            scores.append(_Score(signature, output, tensor, shape, layer, inputs))
    return scores


def _call(model, meta_graph, tensor, outputs, samples):
    """Runs a tensor by one of the signatures that have it: on samples, else on random inputs.

    Returns:
        (signature, output), the inputs and the values; the last two are `None` if all fail, and
        there is a reason.
    """
    trials = []
    for signature, output in outputs:
        signature_def = meta_graph.signature_def[signature]
        given = None if samples is None else inputs_for(signature_def, samples)
        if given is not None:
            trials.insert(0, (signature, output, {**defaults(signature_def), **given}))
        else:
            trials.append((signature, output, random_inputs(signature_def)))
    why = "no inputs can be made up"
    for signature, output, inputs in trials:
        if inputs is not None:
            try:
                values = model.run(signature, inputs, {output: tensor})[output]
                return (signature, output), inputs, values, None
            except OSError as error:
                why = str(error)
    return next(iter(outputs)), None, None, why


def _with_dtype(defence, dtype):
    """The defence with its output in `dtype`."""
    return type(defence).from_config({**defence.get_config(), "dtype": dtype})


def _check_graph(meta_graph, tensor, defence, why):
    """Raises `ValueError` unless the graph tells that a tensor has what the defence expects."""
    computed_by = DataFlow(meta_graph.graph_def).computed_by(tensor)
    expected = "Sigmoid" if defence.multi_label else "Softmax"
    if defence.from_logits or computed_by != expected:
        raise ValueError("whether these are the scores that the defence expects could not be "
                         f"tried on made-up inputs ({why}). Give some real ones by --warmup=FILE")


def _shape(info, values, defence):
    """The shape of scores; the number of classes may be known from `values` only."""
    shape = shape_of(info)
    if values is None:
        if shape is None:
            raise ValueError("the number of classes is not known. Give some inputs by "
                             "--warmup=FILE")
        return shape
    shape = list(shape or [None] * values.ndim)
    shape[defence.axis] = values.shape[defence.axis]
    return tuple(shape)


def _check_answers(path, meta_graph, scores):
    """Raises `ValueError` unless the copy answers with what the defence makes of its scores."""
    tried = [score for score in scores if score.inputs is not None]
    if not tried:
        return
    with LoadedModel(path, meta_graph) as model:
        for score in tried:
            info = meta_graph.signature_def[score.signature].outputs[score.output]
            answers = model.run(score.signature, score.inputs, {
                "clean": score.tensor,
                "defended": info.name
            })
            expected = score.defence(tf.constant(answers["clean"]), training=False)
            tolerance = max(1e-5, 4 * epsilon(score.defence.compute_dtype))
            if not np.allclose(*(np.asarray(x, "float64") for x in (answers["defended"], expected)),
                               tolerance,
                               1e-7,
                               equal_nan=True):
                raise ValueError(f"{score.name}: the defended model does not answer as the layer "
                                 "does; this is a defect, please report it")
