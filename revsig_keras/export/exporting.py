"""Exports a defended SavedModel as the next version of a model that is served."""
import contextlib
import dataclasses
import os
import pathlib
from typing import Iterator, Mapping

import keras
import numpy as np

from revsig_keras.defences.base import Defence
from revsig_keras.defences.catalogue import make_defence
from revsig_keras.defended_model import exporting as keras_exporting
from revsig_keras.defended_model.model import DefendedModel
from revsig_keras.export import warmup
from revsig_keras.export.foreign import defend_saved_model
from revsig_keras.export.keras_files import load_keras_file
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
        model: A .keras file, or the folder of a SavedModel from any program.
        output: The folder of versions that the server polls.
        defence: The textual form of a defence, as for `make_defence`; `None` for the defence of a
            `DefendedModel` in a .keras file.
        output_name: The output with the scores, in every signature that has it; `None` where only
            one output can be scores.
        allow_outputs: Outputs that may stay as they are, "output" or "signature/output" each.
        drop_outputs: Outputs that are left out.
        warmup: File of sample inputs, .npy or .npz; `None` for none.
    """
    model: str | os.PathLike[str]
    output: str | os.PathLike[str]
    defence: str | None = None
    output_name: str | None = None
    allow_outputs: tuple[str, ...] = ()
    drop_outputs: tuple[str, ...] = ()
    warmup: str | os.PathLike[str] | None = None

    def __post_init__(self) -> None:
        if files.is_saved_model(self.model):
            output, model = (pathlib.Path(path).resolve() for path in (self.output, self.model))
            if model in (output, *output.parents):
                raise ValueError("`output` must not be inside of `model`, which stays as it is. "
                                 f"Received: {self.output}, inside of {self.model}")
        elif not os.fspath(self.model).endswith(".keras"):
            raise ValueError("`model` must be a .keras file or the folder of a SavedModel, such as "
                             f"that of one version. Received: {files.described(self.model)}")


@dataclasses.dataclass(frozen=True)
class Exported:
    """Result of `export`.

    Attributes:
        path: The folder of the new version.
        report: The status of each of its outputs.
        untried: Scores, "signature/output", for which no inputs could be made up, so that only the
            graph tells that they are probabilities.
    """
    path: pathlib.Path
    report: Report
    untried: tuple[str, ...]


def export(config: ExportConfig) -> Exported:
    """Writes a defended model as the next version into a folder that a server polls.

    With a coded defence, `assets.extra/code_table.json` tells clients how to decode answers.

    Raises:
        ValueError: If `config` does not fit the model, or if the result would give clean scores
            away. Nothing is left then.
        SavedModelError: If a SavedModel cannot be loaded, called or written.
        OSError: If a file cannot be read or written.
    """
    defence = None if config.defence is None else make_defence(config.defence)
    if config.defence is not None and defence is None:
        raise ValueError(f"`defence` must be a defence. Received: {config.defence}")
    samples = None
    if config.warmup is not None:
        samples = warmup.load_inputs(config.warmup)
    results = []

    def write(folder: pathlib.Path) -> None:
        untried = _write_model(folder, config, defence, samples)
        if samples is not None:
            warmup.write_requests(folder, files.read(folder).meta_graphs[0], samples)
        report = inspect_saved_model(folder)
        refuse_leaks(report, config.allow_outputs, _REMEDY)
        write_code_table(folder)
        results.append((report, untried))

    with _plain_errors():
        path = publish(config.output, write)
    (report, untried), = results
    return Exported(path, dataclasses.replace(report, path=str(path)), untried)


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


def _write_model(folder: pathlib.Path, config: ExportConfig, defence: Defence | None,
                 samples: Mapping[str | None, np.ndarray] | None) -> tuple[str, ...]:
    """Writes the defended model; returns the scores that were not tried."""
    if not files.is_saved_model(config.model):
        _export_keras_file(folder, config, defence)
        return ()
    outputs = OutputChoice(config.output_name, config.allow_outputs, config.drop_outputs)
    return defend_saved_model(pathlib.Path(config.model), folder, _given(defence), outputs, samples)


def _export_keras_file(folder: pathlib.Path, config: ExportConfig, defence: Defence | None) -> None:
    model = load_keras_file(config.model, "`model`")
    if isinstance(model, DefendedModel):
        if defence is not None or config.output_name is not None:
            raise ValueError("`model` is defended already: leave out `defence` and `output_name`. "
                             f"Received: {config.model}, defended by {model.defence!r}")
    else:
        try:
            model = DefendedModel(model, _given(defence), config.output_name)
        except ValueError as error:
            # The argument of `DefendedModel` is `output`, which is another one here.
            raise ValueError(str(error).replace("`output`", "`output_name`")) from error
    with files.clear_errors(f"{config.model} cannot be exported"):
        keras_exporting.write(model, folder)
    if config.drop_outputs:
        saved_model = files.read(folder)
        drop_outputs(saved_model, config.drop_outputs)
        leave_signatures_only(saved_model.meta_graphs[0])
        files.write(folder, saved_model)


def _given(defence: Defence | None) -> Defence:
    if defence is None:
        raise ValueError("`defence` must be given, such as reverse_sigmoid:beta=1:gamma=.2, for a "
                         "model that is not defended")
    return defence
