"""Attacks and adversaries by name: a new one is a file and a row here."""

from attacks.active import Active
from attacks.copycat import Copycat
from attacks.knockoff import Knockoff
from attacks.labels import Labels
from attacks.probabilities import Probabilities
from attacks.random_inputs import RandomInputs
from attacks.sample import Sample
from revsig_keras.members import Registry

ATTACKS = Registry(
    "attack", {
        "sample": Sample,
        "random": RandomInputs,
        "copycat": Copycat,
        "knockoff": Knockoff,
        "active": Active,
    })

ADVERSARIES = Registry("adversary", {
    "probabilities": Probabilities,
    "labels": Labels,
})
