"""Recipes as text: `sgd:learning_rate=.1:epochs=20:augment=shift+flip`.

The name is that of an optimiser. The keys are its options and those of `KEYS`.
"""

import dataclasses
from typing import Any

from attacks.clone.image_changes import ImageChanges
from attacks.clone.recipe import Recipe
from models.training.optimizers import OPTIMIZERS
from revsig_keras.registry import Member
from revsig_keras.registry import parse_member
from revsig_keras.registry import Registry

_CHANGES = ("shift", "rotation", "cutout")


def _keys(steps: int = 600,
          epochs: int = 20,
          batch_size: int = 32,
          held_out: float = 0.0,
          patience: int = 5,
          schedule: str = "constant",
          augment: str = "",
          shift: float = ImageChanges.shift,
          rotation: float = ImageChanges.rotation,
          cutout: float = ImageChanges.cutout,
          label_weight: float = 0.0,
          temperature: float = 1.0) -> None:
    """Tells the types of the keys."""


_TYPES = Registry("recipe", {"recipe": _keys})
KEYS = tuple(_TYPES.resolve("recipe")[1])
USAGE = f"OPTIMIZER[:key=value]..., the keys those of the optimiser and {', '.join(KEYS)}"


def parse_recipe(text: str, base: Recipe) -> Recipe:
    """The recipe of a text.

    Args:
        text: As described at the top of this module.
        base: Has the values of all keys of `KEYS` that the text does not name, and of everything
            that it cannot name, such as the architecture.

    Raises:
        ValueError: If there is no such recipe.
    """
    try:
        optimizer, values = _parts(text)
        if {"steps", "epochs"} <= values.keys():
            raise ValueError("`steps` or `epochs` must be given, not both. "
                             f"Received: steps={values['steps']} and epochs={values['epochs']}")
        changes = {key: values.pop(key) for key in _CHANGES if key in values}
        if "augment" in values:
            changes["kinds"] = values.pop("augment")
        if "steps" in values:
            values["epochs"] = None
        return dataclasses.replace(base,
                                   optimizer=optimizer,
                                   changes=dataclasses.replace(base.changes, **changes),
                                   **values)
    except ValueError as error:
        raise ValueError(f"Invalid recipe {text!r}: {error}") from error


def spell_recipe(text: str) -> str:
    """The text of a recipe, the same for every spelling of it."""
    optimizer, values = _parts(text)
    if "augment" in values:
        values["augment"] = ImageChanges(values["augment"]).kinds
    return ":".join([optimizer, *(f"{key}={values[key]}" for key in KEYS if key in values)])


def _parts(text: str) -> tuple[str, dict[str, Any]]:
    """The optimiser with its options, and the values of the other keys that are given."""
    name, options = dataclasses.astuple(parse_member(text))
    own = {key: value for key, value in options.items() if key not in KEYS}
    rest = {key: value for key, value in options.items() if key in KEYS}
    values = _TYPES.resolve(str(Member("recipe", rest)))[1]
    try:
        optimizer = OPTIMIZERS.spell(str(Member(name, own)))
    except ValueError as error:
        raise ValueError(f"{error}. A recipe takes also: {', '.join(KEYS)}") from error
    return optimizer, {key: values[key] for key in rest}
