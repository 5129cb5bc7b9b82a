"""The defences that are attacked, those of endpoints included."""

from typing import Any

from revsig_keras.defences.catalogue import DEFENCES

# Stands for the defence of an endpoint: whatever it is.
AS_SERVED = "as_served"


def resolve_defence(text: str) -> tuple[str, dict[str, Any]]:
    """The name and all options of a defence, `as_served` included."""
    return (AS_SERVED, {}) if text == AS_SERVED else DEFENCES.resolve(text)
