"""Attacks and adversaries by name: a new one is a file and a row here."""

from attacks.active import Active
from attacks.averaged import Averaged
from attacks.aware import Aware
from attacks.bayes import Bayes
from attacks.copycat import Copycat
from attacks.fgsm import FGSM
from attacks.inverse import Inverse
from attacks.jacobian import Jacobian
from attacks.jacobian_targeted import JacobianTargeted
from attacks.knockoff import Knockoff
from attacks.labels import Labels
from attacks.learned_recovery import LearnedRecovery
from attacks.probabilities import Probabilities
from attacks.random_inputs import RandomInputs
from attacks.sample import Sample
from attacks.semi_supervised import SemiSupervised
from revsig_keras.members import Registry

ATTACKS = Registry(
    "attack", {
        "sample": Sample,
        "random": RandomInputs,
        "copycat": Copycat,
        "jacobian": Jacobian,
        "jacobian_targeted": JacobianTargeted,
        "fgsm": FGSM,
        "knockoff": Knockoff,
        "active": Active,
    })

ADVERSARIES = Registry(
    "adversary", {
        "probabilities": Probabilities,
        "labels": Labels,
        "semi_supervised": SemiSupervised,
        "averaged": Averaged,
        "aware": Aware,
        "bayes": Bayes,
        "learned_recovery": LearnedRecovery,
        "inverse": Inverse,
    })
