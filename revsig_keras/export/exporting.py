"""Exports a defended SavedModel as the next version of a model that is served."""
from collections.abc import Callable
import contextlib
import dataclasses
import os
import pathlib
from typing import Iterator, Mapping

import keras
import numpy as np

from revsig_keras.defences.base import Defence
from revsig_keras.defended_model.model import DefendedModel
from revsig_keras.export import keras_models
from revsig_keras.export import legacy
from revsig_keras.export import warmup
from revsig_keras.export.choosing import choose_for_keras_model
from revsig_keras.export.choosing import choose_for_saved_model
from revsig_keras.export.choosing import Choosing
from revsig_keras.export.config import ExportConfig
from revsig_keras.export.foreign import defend_saved_model
from revsig_keras.export.keras_files import load_keras_file
from revsig_keras.export.named_defences import make_defences
from revsig_keras.export.named_defences import read_defences
from revsig_keras.export.scores import OutputChoice
from revsig_keras.export.versions import publish
from revsig_keras.saved_model import files
from revsig_keras.saved_model.code_table import write_code_table
from revsig_keras.saved_model.inspection import inspect_saved_model
from revsig_keras.saved_model.inspection import refuse_leaks
from revsig_keras.saved_model.inspection import Report
from revsig_keras.strength.choice import Choice
from revsig_keras.strength.code_choice import CodeChoice

_REMEDY = ("Leave an output out by `drop_outputs`, or, if the scores cannot be computed from it, "
           "allow it by `allow_outputs`")


@dataclasses.dataclass(frozen=True)
class _Written:
    """What was written: scores that were not tried, and chosen strengths by output."""
    untried: tuple[str, ...]
    choices: dict[str | None, Choice]


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
        choices: Results of `choose_strength` by output, `None` for the only one; empty unless
            strengths were chosen.
    """
    path: pathlib.Path
    report: Report
    untried: tuple[str, ...]
    has_reference_variables: bool = False
    choices: Mapping[str | None, Choice] = dataclasses.field(default_factory=dict)


def export(config: ExportConfig, begin: Callable[[str], None] = lambda step: None) -> Exported:
    """Writes a defended model as the next version into a folder that a server polls.

    With a coded defence, `assets.extra/code_table.json` tells clients how to decode answers.

    Args:
        config: The model, the defence and the folder.
        begin: Called with each step that begins, in words, to show progress. Defaults to a function
            that does nothing.

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
    results: list[tuple[Report, _Written, bool]] = []

    def write(folder: pathlib.Path) -> None:
        begin(f"Defending {config.model}")
        written = _write_model(folder, config, defences, samples)
        if samples is not None:
            begin("Trying the warm-up requests")
            warmup.write_requests(folder, files.read(folder).meta_graphs[0], samples)
        begin("Inspecting what was written")
        report = inspect_saved_model(folder)
        refuse_leaks(report, config.allow_outputs, _REMEDY)
        write_code_table(folder)
        _write_state(written.choices, config.state)
        results.append((report, written, _has_reference_variables(files.read(folder))))

    with _plain_errors():
        path = publish(config.output, write)
    (report, written, has_references), = results
    return Exported(path, dataclasses.replace(report, path=str(path)), written.untried,
                    has_references, written.choices)


def _write_state(choices: Mapping[str | None, Choice], path: str | os.PathLike[str] | None) -> None:
    if path is None:
        return
    coded = [choice for choice in choices.values() if isinstance(choice, CodeChoice)]
    if len(coded) != 1:
        raise ValueError("`state` must be left out unless one coded defence is chosen. Received: "
                         f"state={path}, for {len(coded)} of them")
    coded[0].member(path)  # Refuses a path that no text can hold.
    coded[0].write_state(path)


def _has_reference_variables(saved_model: files.SavedModel) -> bool:
    return any(node.op in ("Variable", "VariableV2")
               for meta_graph in saved_model.meta_graphs
               for node in meta_graph.graph_def.node)


def _defences(config: ExportConfig) -> dict[str | None, Defence]:
    """The defences by output; that of `output_name`, or of the only output, by `None`.

    Empty where their strength is chosen.
    """
    texts = _texts(config)
    read_defences(texts, config.output_name)
    return make_defences(texts) if config.inputs is None else {}


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
                 samples: Mapping[str | None, np.ndarray] | None) -> _Written:
    """Writes the defended model."""
    if not legacy.is_model(config.model) and files.is_saved_model(config.model):
        return _write_saved_model(pathlib.Path(config.model), folder, config, defences, samples)
    if legacy.is_taken(config.model):
        with legacy.as_saved_model(config.model, config.safe_mode) as source:
            return _write_saved_model(source, folder, config, defences, samples)
    return _write_keras_file(folder, config, defences, samples)


def _write_saved_model(source: pathlib.Path, folder: pathlib.Path, config: ExportConfig,
                       defences: Mapping[str | None, Defence],
                       samples: Mapping[str | None, np.ndarray] | None) -> _Written:
    outputs = OutputChoice(config.output_name, config.allow_outputs, config.drop_outputs)
    choices: dict[str | None, Choice] = {}
    choosing = _choosing(config)
    if choosing is not None:
        choices, samples = choose_for_saved_model(choosing, source, outputs, samples)
        defences = {name: choice.layer() for name, choice in choices.items()}
    return _Written(defend_saved_model(source, folder, _given(defences), outputs, samples), choices)


def _write_keras_file(folder: pathlib.Path, config: ExportConfig, defences: Mapping[str | None,
                                                                                    Defence],
                      samples: Mapping[str | None, np.ndarray] | None) -> _Written:
    model = load_keras_file(config.model, "`model`", config.safe_mode)
    choices: dict[str | None, Choice] = {}
    choosing = _choosing(config)
    if choosing is not None:
        model, choices, samples = choose_for_keras_model(choosing, model, config.output_name,
                                                         samples)
        defences = {name: choice.layer() for name, choice in choices.items()}
    if isinstance(model, DefendedModel):
        if defences or config.output_name is not None:
            raise ValueError("`model` is defended already: leave out `defence` and `output_name`. "
                             f"Received: {config.model}, defended by {model.defence!r}")
    else:
        model = keras_models.defended(model, _given(defences), config.output_name)
    keras_models.write(model, folder, str(config.model), config.drop_outputs, samples)
    return _Written((), choices)


def _choosing(config: ExportConfig) -> Choosing | None:
    """What strengths are chosen by; `None` if they are given."""
    if config.inputs is None:
        return None
    return Choosing(config.inputs, config.limits, read_defences(_texts(config)))


def _texts(config: ExportConfig) -> tuple[str, ...]:
    return (config.defence,) if isinstance(config.defence, str) else config.defence or ()


def _given(defences: Mapping[str | None, Defence]) -> Mapping[str | None, Defence]:
    if not defences:
        raise ValueError("`defence` must be given, such as reverse_sigmoid:beta=1:gamma=.2, for a "
                         "model that is not defended. To have its strength chosen, give `inputs` "
                         "and a limit, such as `max_l1=1`")
    return defences
