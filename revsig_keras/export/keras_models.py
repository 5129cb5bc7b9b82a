"""Exports models of Keras in which the defence is marked."""
from collections.abc import Collection, Mapping
import pathlib
from typing import Any

import keras
import numpy as np

from revsig_keras.defences.base import Defence
from revsig_keras.defended_model import exporting
from revsig_keras.defended_model.model import DefendedModel
from revsig_keras.defended_model.outputs import structure
from revsig_keras.export.first_call import call_first
from revsig_keras.export.first_call import measure
from revsig_keras.export.keras_files import output_of
from revsig_keras.export.owner_inputs import names_of_inputs
from revsig_keras.export.scores import drop_outputs
from revsig_keras.export.surgery import leave_signatures_only
from revsig_keras.export.warmup import by_input
from revsig_keras.saved_model import files


def write(model: DefendedModel, folder: pathlib.Path, what: str, dropped: Collection[str],
          samples: Mapping[str | None, np.ndarray] | None) -> None:
    """Writes a defended model.

    Args:
        model: The model.
        folder: Folder to be made.
        what: What error messages call the model.
        dropped: Outputs that are left out.
        samples: Inputs by name, `None` for the only one; `None` for none.
    """
    if samples is not None:
        samples = by_input(samples, names_of_inputs(model.model))
    # Before the first call, for which made-up inputs would be like any others.
    measure(model, samples)
    options = {} if structure(model.model, "input") is not None else call_first(model, samples)
    with files.clear_errors(f"{what} cannot be exported"):
        exporting.write(model, folder, **options)
    if dropped:
        saved_model = files.read(folder)
        drop_outputs(saved_model, dropped)
        leave_signatures_only(saved_model.meta_graphs[0])
        files.write(folder, saved_model)


def defended(model: keras.Model, defences: Mapping[Any, Defence],
             output_name: str | None) -> DefendedModel:
    """Defends outputs of a model.

    Args:
        model: The model.
        defences: Defences by output, `None` for that of `output_name`.
        output_name: As for `ExportConfig`.

    Raises:
        ValueError: If the model and a defence do not fit, or two are for one output.
    """
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
