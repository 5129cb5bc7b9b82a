"""Exports a defended SavedModel as the next version of a model that is served."""
import contextlib
import dataclasses
import pathlib

import keras

from revsig_keras.defences.catalogue import make_defence
from revsig_keras.defended_model.model import DefendedModel
from revsig_keras.export import warmup
from revsig_keras.export.foreign import defend_saved_model
from revsig_keras.export.keras_files import load_keras_file
from revsig_keras.export.scores import drop_outputs
from revsig_keras.export.surgery import leave_signatures_only
from revsig_keras.export.versions import publish
from revsig_keras.saved_model import files
from revsig_keras.saved_model.inspection import inspect_saved_model
from revsig_keras.saved_model.inspection import refuse_leaks
from revsig_keras.saved_model.inspection import Report

_REMEDY = (
    "Leave one out by --drop_output=NAME; one from which the scores cannot be computed may be "
    "allowed by --allow_output=NAME")


@dataclasses.dataclass(frozen=True)
class ExportConfig:
    """What is exported.

    Attributes:
        model: A .keras file, or the folder of a SavedModel, whoever wrote it.
        output: The folder of versions that the server polls.
        defence: The textual form of a defence, as for `make_defence`; `None` for the defence that
            a `DefendedModel` in a .keras file has.
        output_name: Which output has the scores, in every signature that has it; `None` where only
            one can be.
        allow_outputs: Outputs that may stay as they are, "output" or "signature/output" each.
        drop_outputs: Outputs that are left out.
        warmup: File of sample inputs, .npy or .npz; `None` for none.
    """
    model: str
    output: str
    defence: str | None = None
    output_name: str | None = None
    allow_outputs: tuple[str, ...] = ()
    drop_outputs: tuple[str, ...] = ()
    warmup: str | None = None

    def __post_init__(self):
        if files.is_saved_model(self.model):
            output, model = (pathlib.Path(path).resolve() for path in (self.output, self.model))
            if model in (output, *output.parents):
                raise ValueError("--output must not be inside of --model, which stays as it is. "
                                 f"Received: {self.output}, inside of {self.model}")
        elif not self.model.endswith(".keras"):
            raise ValueError("--model must be a .keras file or the folder of a SavedModel, such as "
                             f"that of one version. Received: {files.described(self.model)}")


@dataclasses.dataclass(frozen=True)
class Exported:
    """What came of it.

    Attributes:
        path: The folder of the new version.
        report: What it gives away.
        untried: Scores, "signature/output", that no inputs could be made up for: that they are
            probabilities is known from the graph alone.
    """
    path: pathlib.Path
    report: Report
    untried: tuple[str, ...]


def export(config: ExportConfig) -> Exported:
    """Writes a defended model as the next version into a folder that a server polls.

    Raises:
        ValueError: If something of `config` is not as it has to be, or if the result would give
            clean scores away. Then nothing is left.
        OSError: If a file cannot be read or written.
    """
    defence = None if config.defence is None else make_defence(config.defence)
    if config.defence is not None and defence is None:
        raise ValueError(f"--defence must be a defence. Received: {config.defence}")
    samples = None if config.warmup is None else warmup.load_inputs(config.warmup)
    untried = []

    def write(folder):
        if files.is_saved_model(config.model):
            untried.extend(
                defend_saved_model(pathlib.Path(config.model),
                                   folder,
                                   _given(defence),
                                   output_name=config.output_name,
                                   allowed=config.allow_outputs,
                                   dropped=config.drop_outputs,
                                   samples=samples))
        else:
            _export_keras_file(folder, config, defence)
        if samples is not None:
            warmup.write_requests(folder, files.read(folder).meta_graphs[0], samples)
        refuse_leaks(inspect_saved_model(folder), config.allow_outputs, _REMEDY)

    with _plain_errors():
        path = publish(config.output, write)
    return Exported(path, inspect_saved_model(path), tuple(untried))


@contextlib.contextmanager
def _plain_errors():
    """Inside it Keras raises errors as they are, without the arguments of all calls."""
    enabled = keras.config.is_traceback_filtering_enabled()
    keras.config.disable_traceback_filtering()
    try:
        yield
    finally:
        if enabled:
            keras.config.enable_traceback_filtering()


def _export_keras_file(folder, config, defence):
    model = load_keras_file(config.model, "--model")
    if isinstance(model, DefendedModel):
        if defence is not None or config.output_name is not None:
            raise ValueError("--model is defended already: leave out --defence and --output_name. "
                             f"Received: {config.model}, defended by {model.defence!r}")
    else:
        model = DefendedModel(model, _given(defence), config.output_name)
    with files.clear_errors(f"{config.model} cannot be exported"):
        model.export(folder,
                     verbose=False,
                     allow_outputs=(*config.allow_outputs, *config.drop_outputs))
    if config.drop_outputs:
        saved_model = files.read(folder)
        drop_outputs(saved_model, config.drop_outputs)
        leave_signatures_only(saved_model.meta_graphs[0])
        files.write(folder, saved_model)


def _given(defence):
    if defence is None:
        raise ValueError("--defence must be given, such as reverse_sigmoid:beta=1:gamma=.2, for a "
                         "model that is not defended")
    return defence
