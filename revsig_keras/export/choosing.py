"""Chooses the strength of the defences of a model in a file, on the owner's rows."""
from collections.abc import Mapping
import dataclasses
import os
import pathlib
from typing import Any

import keras
import numpy as np

from revsig_keras.defences.base import Defence
from revsig_keras.defences.catalogue import DEFENCES
from revsig_keras.defences.catalogue import require_defence
from revsig_keras.defended_model.expectations import check_scores
from revsig_keras.defended_model.model import DefendedModel
from revsig_keras.export import clean_scores
from revsig_keras.export.keras_models import defended
from revsig_keras.export.owner_inputs import Arrays
from revsig_keras.export.owner_inputs import names_of_inputs
from revsig_keras.export.owner_inputs import OwnerInputs
from revsig_keras.export.scores import OutputChoice
from revsig_keras.registry import member_of
from revsig_keras.registry import parse_member
from revsig_keras.saved_model import files
from revsig_keras.saved_model.signatures import signatures
from revsig_keras.strength.choice import Choice
from revsig_keras.strength.choice import HEAD_DEFAULTS
from revsig_keras.strength.choose import chosen_options
from revsig_keras.strength.cost_limits import CostLimits
from revsig_keras.strength.score_rows import choose_for_scores
from revsig_keras.strength.score_rows import split_head

_DEFAULT = "reverse_sigmoid"


@dataclasses.dataclass(frozen=True)
class Choosing:
    """What a strength is chosen by.

    Attributes:
        inputs: File with the owner's rows, as for `OwnerInputs.load`.
        limits: The limits.
        texts: The textual forms of the defences, without the options to choose, by output; `None`
            for the only output. Where there are none, the Reverse Sigmoid.
    """
    inputs: str | os.PathLike[str]
    limits: CostLimits
    texts: Mapping[str | None, str]

    def choose(self, scores: Mapping[str | None, np.ndarray], texts: Mapping[str | None, str],
               inputs: OwnerInputs, output_name: str | None) -> dict[str | None, Choice]:
        """Returns the choices for clean scores by output, `None` for the one of `output_name`.

        Raises:
            ValueError: If the scores do not fit a defence, if labels are of no output, or if
                nothing is inside the limits.
        """
        choices, labels = {}, inputs.labels_of(list(texts), output_name)
        for name, text in texts.items():
            try:
                check_scores(scores[name], require_defence(text))
                choices[name] = choose_for_scores(scores[name], labels[name], text,
                                                  self.limits.as_arguments())
            except ValueError as error:
                raise ValueError(str(error) if name is None else f"{name}: {error}") from error
        return choices


def choose_for_keras_model(choosing: Choosing, model: keras.Model, output_name: str | None,
                           samples: Arrays | None) -> tuple[keras.Model, dict, Arrays]:
    """Chooses the strengths for a model of Keras.

    Args:
        choosing: What they are chosen by.
        model: The model. Of a `DefendedModel`, the strength of its defences is chosen anew.
        output_name: As for `ExportConfig`.
        samples: Other inputs to try the model on, `None` for none.

    Returns:
        The model without its defence, the choices by output, and inputs to try the model on.
    """
    texts: Mapping[Any, str] = choosing.texts
    if isinstance(model, DefendedModel):
        texts, model = _texts_of(model, texts), model.model
    texts = texts or {None: _DEFAULT}
    defences = {name: require_defence(text) for name, text in texts.items()}
    inputs = OwnerInputs.load(choosing.inputs, names_of_inputs(model))
    tried = defended(model, defences, output_name)
    scores = clean_scores.of_keras_model(tried, inputs)
    choices = choosing.choose(dict(zip(texts, scores)), texts, inputs, output_name)
    return model, choices, samples or inputs.first()


def choose_for_saved_model(choosing: Choosing, path: pathlib.Path, outputs: OutputChoice,
                           samples: Arrays | None) -> tuple[dict[str | None, Choice], Arrays]:
    """Chooses the strengths for a SavedModel; see `choose_for_keras_model`."""
    texts = choosing.texts or {None: _DEFAULT}
    defences = {name: require_defence(text) for name, text in texts.items()}
    known = {
        name for meta_graph in files.read(path).meta_graphs
        for signature in signatures(meta_graph).values() for name in signature.inputs
    }
    inputs = OwnerInputs.load(choosing.inputs, known)
    scores = clean_scores.of_saved_model(path, defences, outputs, inputs)
    return choosing.choose(scores, texts, inputs, outputs.scores), samples or inputs.first()


def _texts_of(model: DefendedModel, given: Mapping[str | None, str]) -> dict[Any, str]:
    """The textual forms for a defended model: those given, or those of its own defences.

    Those given take scores as its defences do, unless they say otherwise.
    """
    defences = model.defences_by_output()
    if not given:
        return {output: _text_of(each) for output, each in defences.items()}
    if len(given) == 1 and len(defences) == 1:
        (name, text), = given.items()
        (output, defence), = defences.items()
        return {output if name is None else name: _with_head(text, defence)}
    return dict(given)


def _text_of(defence: Defence) -> str:
    """The textual form of a defence, without the options to choose."""
    for name in DEFENCES.names:
        plain = DEFENCES.make(name)
        if plain is not None and type(plain) is type(defence):
            defaults = plain.get_config()
            left_out = {*keras.layers.Layer().get_config(), "apply_in_training",
                        *chosen_options(defence), *defence.secrets}  # yapf: disable
            options = {
                key: value
                for key, value in defence.get_config().items()
                if key not in left_out and value != defaults[key]
            }
            return str(member_of(name, options))
    raise ValueError("`defence` must be given for a model whose own cannot be chosen by a name. "
                     f"Received: a model defended by {defence!r}")


def _with_head(text: str, defence: Defence) -> str:
    _, head = split_head(text)
    if head:
        return text
    taken = {
        key: str(getattr(defence, key)).lower()
        for key, default in HEAD_DEFAULTS.items()
        if getattr(defence, key) != default
    }
    member = parse_member(text)
    return str(type(member)(member.name, {**member.options, **taken}))
