"""Attacks and adversaries by name: a new one is a file and a row here."""

from attacks.averaged import Averaged
from attacks.bayes import Bayes
from attacks.inverse import Inverse
from attacks.labels import Labels
from attacks.learned_recovery import LearnedRecovery
from attacks.probabilities import Probabilities
from attacks.random_inputs import RandomInputs
from attacks.sample import Sample
from revsig_keras.members import Registry

ATTACKS = Registry("attack", {
    "sample": Sample,
    "random": RandomInputs,
})

ADVERSARIES = Registry(
    "adversary", {
        "probabilities": Probabilities,
        "labels": Labels,
        "averaged": Averaged,
        "bayes": Bayes,
        "learned_recovery": LearnedRecovery,
        "inverse": Inverse,
    })
