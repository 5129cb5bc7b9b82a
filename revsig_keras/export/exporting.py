"""Exports a defended SavedModel as the next version of a model that is served."""
import contextlib
import dataclasses
import os
import pathlib
from typing import Iterator, Mapping

import keras
import numpy as np

from revsig_keras.defences.base import Defence
from revsig_keras.defended_model import exporting as keras_exporting
from revsig_keras.defended_model.model import DefendedModel
from revsig_keras.defended_model.outputs import structure
from revsig_keras.export import legacy
from revsig_keras.export import warmup
from revsig_keras.export.first_call import call_first
from revsig_keras.export.first_call import measure
from revsig_keras.export.foreign import defend_saved_model
from revsig_keras.export.keras_files import check_kind
from revsig_keras.export.keras_files import is_keras_file
from revsig_keras.export.keras_files import load_keras_file
from revsig_keras.export.keras_files import output_of
from revsig_keras.export.named_defences import make_defences
from revsig_keras.export.scores import drop_outputs
from revsig_keras.export.scores import OutputChoice
from revsig_keras.export.surgery import leave_signatures_only
from revsig_keras.export.versions import publish
from revsig_keras.saved_model import files
from revsig_keras.saved_model.code_table import write_code_table
from revsig_keras.saved_model.inspection import inspect_saved_model
from revsig_keras.saved_model.inspection import refuse_leaks
from revsig_keras.saved_model.inspection import Report

_REMEDY = ("Leave an output out by `drop_outputs`, or, if the scores cannot be computed from it, "
           "allow it by `allow_outputs`")


@dataclasses.dataclass(frozen=True)
class ExportConfig:
    """The model and the defence to export, and what to do with other outputs.

    Attributes:
        model: A .keras, .h5 or .hdf5 file, or the folder of a SavedModel from any program.
        output: The folder of versions that the server polls.
        defence: The textual form of a defence, as for `make_defence`; `None` for the defence of a
            `DefendedModel` in a .keras file. For several outputs, a tuple of "NAME=MEMBER", where
            NAME is an output as for `output_name`.
        output_name: The output with the scores, "output" in every signature that has it, or
            "signature/output"; `None` where only one output can be scores, or where `defence` names
            its output.
        allow_outputs: Outputs that may stay as they are, "output" or "signature/output" each.
        drop_outputs: Outputs that are left out.
        warmup: File of sample inputs, .npy, .npz or .tfrecord; `None` for none.
        safe_mode: Whether layers that run code of a Keras file, such as `Lambda`, are refused.
    """
    model: str | os.PathLike[str]
    output: str | os.PathLike[str]
    defence: str | tuple[str, ...] | None = None
    output_name: str | None = None
    allow_outputs: tuple[str, ...] = ()
    drop_outputs: tuple[str, ...] = ()
    warmup: str | os.PathLike[str] | None = None
    safe_mode: bool = True

    def __post_init__(self) -> None:
        for name in ("model", "output", "warmup"):
            path = getattr(self, name)
            if path is not None and "://" in os.fspath(path):
                raise ValueError(f"`{name}` must be a path of this machine. Copy what is "
                                 f"elsewhere here first. Received: {path}")
        if files.is_saved_model(self.model):
            output, model = (pathlib.Path(path).resolve() for path in (self.output, self.model))
            if model in (output, *output.parents):
                raise ValueError("`output` must not be inside of `model`, which stays as it is. "
                                 f"Received: {self.output}, inside of {self.model}")
        elif not is_keras_file(self.model):
            check_kind(self.model, "`model`")
            raise ValueError("`model` must be a .keras file or the folder of a SavedModel, such as "
                             f"that of one version. Received: {files.described(self.model)}")


@dataclasses.dataclass(frozen=True)
class Exported:
    """Result of `export`.

    Attributes:
        path: The folder of the new version.
        report: The status of each of its outputs.
        has_reference_variables: Whether it has variables of TensorFlow 1 whose values TensorFlow 2
            loses when it saves a loaded model again.
        untried: Scores, "signature/output", for which no inputs could be made up, so that only the
            graph tells that they are probabilities.
    """
    path: pathlib.Path
    report: Report
    untried: tuple[str, ...]
    has_reference_variables: bool = False


def export(config: ExportConfig) -> Exported:
    """Writes a defended model as the next version into a folder that a server polls.

    With a coded defence, `assets.extra/code_table.json` tells clients how to decode answers.

    Raises:
        ValueError: If `config` does not fit the model, or if the result would give clean scores
            away. Nothing is left then.
        SavedModelError: If a SavedModel cannot be loaded, called or written.
        OSError: If a file cannot be read or written.
    """
    defences = _defences(config)
    samples = None
    if config.warmup is not None:
        samples = warmup.load_inputs(config.warmup)
    results: list[tuple[Report, tuple[str, ...], bool]] = []

    def write(folder: pathlib.Path) -> None:
        untried = _write_model(folder, config, defences, samples)
        if samples is not None:
            warmup.write_requests(folder, files.read(folder).meta_graphs[0], samples)
        report = inspect_saved_model(folder)
        refuse_leaks(report, config.allow_outputs, _REMEDY)
        write_code_table(folder)
        results.append((report, untried, _has_reference_variables(files.read(folder))))

    with _plain_errors():
        path = publish(config.output, write)
    (report, untried, has_references), = results
    return Exported(path, dataclasses.replace(report, path=str(path)), untried, has_references)


def _has_reference_variables(saved_model: files.SavedModel) -> bool:
    return any(node.op in ("Variable", "VariableV2")
               for meta_graph in saved_model.meta_graphs
               for node in meta_graph.graph_def.node)


def _defences(config: ExportConfig) -> dict[str | None, Defence]:
    """The defences by output; that of `output_name`, or of the only output, by `None`."""
    texts = (config.defence,) if isinstance(config.defence, str) else config.defence or ()
    defences = make_defences(texts)
    if config.output_name is not None and defences and None not in defences:
        raise ValueError("`output_name` must be left out where `defence` names its output. "
                         f"Received: {config.output_name}, with {', '.join(texts)}")
    return defences


@contextlib.contextmanager
def _plain_errors() -> Iterator[None]:
    """Keras raises errors as they are in this context, without the arguments of all calls."""
    enabled = keras.config.is_traceback_filtering_enabled()
    keras.config.disable_traceback_filtering()
    try:
        yield
    finally:
        if enabled:
            keras.config.enable_traceback_filtering()


def _write_model(folder: pathlib.Path, config: ExportConfig, defences: Mapping[str | None, Defence],
                 samples: Mapping[str | None, np.ndarray] | None) -> tuple[str, ...]:
    """Writes the defended model; returns the scores that were not tried."""
    outputs = OutputChoice(config.output_name, config.allow_outputs, config.drop_outputs)
    if files.is_saved_model(config.model):
        return defend_saved_model(pathlib.Path(config.model), folder, _given(defences), outputs,
                                  samples)
    if legacy.is_taken(config.model):
        with files.unfinished(folder.parent) as parent:
            legacy.write_saved_model(config.model, parent / "source")
            return defend_saved_model(parent / "source", folder, _given(defences), outputs, samples)
    _export_keras_file(folder, config, defences, samples)
    return ()


def _export_keras_file(folder: pathlib.Path, config: ExportConfig, defences: Mapping[str | None,
                                                                                     Defence],
                       samples: Mapping[str | None, np.ndarray] | None) -> None:
    model = load_keras_file(config.model, "`model`", config.safe_mode)
    if isinstance(model, DefendedModel):
        if defences or config.output_name is not None:
            raise ValueError("`model` is defended already: leave out `defence` and `output_name`. "
                             f"Received: {config.model}, defended by {model.defence!r}")
    else:
        model = _defended(model, _given(defences), config.output_name)
    options = {} if structure(model.model, "input") is not None else call_first(model, samples)
    if not options:
        measure(model, samples)
    with files.clear_errors(f"{config.model} cannot be exported"):
        keras_exporting.write(model, folder, **options)
    if config.drop_outputs:
        saved_model = files.read(folder)
        drop_outputs(saved_model, config.drop_outputs)
        leave_signatures_only(saved_model.meta_graphs[0])
        files.write(folder, saved_model)


def _defended(model: keras.Model, defences: Mapping[str | None, Defence],
              output_name: str | None) -> DefendedModel:
    try:
        if None in defences:
            return DefendedModel(model, defences[None], output_of(model, output_name))
        named: dict[str | int, Defence] = {}
        for name, defence in defences.items():
            output = output_of(model, name)
            if output is None or output in named:
                raise ValueError("`defence` must be given once for each output. Received: "
                                 f"{', '.join(map(str, defences))}, where {name} is "
                                 f"{'the only output' if output is None else output}")
            named[output] = defence
        return DefendedModel(model, named)
    except ValueError as error:
        # The argument of `DefendedModel` is `output`, which is another one here.
        raise ValueError(str(error).replace("`output`", "`output_name`")) from error


def _given(defences: Mapping[str | None, Defence]) -> Mapping[str | None, Defence]:
    if not defences:
        raise ValueError("`defence` must be given, such as reverse_sigmoid:beta=1:gamma=.2, for a "
                         "model that is not defended")
    return defences
