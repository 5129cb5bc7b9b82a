"""Attacks and adversaries by name: a new one is a file and a row here."""

from typing import Any

from attacks.labels import Labels
from attacks.probabilities import Probabilities
from attacks.random_inputs import RandomInputs
from attacks.sample import Sample
from revsig_keras.members import Registry
from revsig_keras.registry import DEFENCES

ATTACKS = Registry("attack", {
    "sample": Sample,
    "random": RandomInputs,
})

ADVERSARIES = Registry("adversary", {
    "probabilities": Probabilities,
    "labels": Labels,
})

# Stands for the defence of an endpoint: whatever it is.
AS_SERVED = "as_served"


def resolve_defence(text: str) -> tuple[str, dict[str, Any]]:
    """The name and all options of a defence, `as_served` included."""
    return (AS_SERVED, {}) if text == AS_SERVED else DEFENCES.resolve(text)
