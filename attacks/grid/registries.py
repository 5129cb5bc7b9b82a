"""Attacks and adversaries by name.

A new one takes a file, with a subclass of `attacks.queries.attack.Attack` or of
`attacks.adversaries.adversary.Adversary`, and a row below. Code outside the project calls
`ATTACKS.add("name", MyAttack)` or `ADVERSARIES.add("name", MyAdversary)` instead of adding a row,
before flags are defined or a configuration is made. The arguments of the class that have a default
are its options, as in `name:key=value`; see `revsig_keras.registry`.
"""

from attacks.adversaries.adversary import Adversary
from attacks.adversaries.averaged import Averaged
from attacks.adversaries.aware import Aware
from attacks.adversaries.bayes import Bayes
from attacks.adversaries.identify import Identify
from attacks.adversaries.independent import Independent
from attacks.adversaries.inverse import Inverse
from attacks.adversaries.labels import Labels
from attacks.adversaries.learned_recovery import LearnedRecovery
from attacks.adversaries.posterior_mean import PosteriorMean
from attacks.adversaries.probabilities import Probabilities
from attacks.adversaries.semi_supervised import SemiSupervised
from attacks.queries.active import Active
from attacks.queries.attack import Attack
from attacks.queries.copycat import Copycat
from attacks.queries.data_free import DataFree
from attacks.queries.fgsm import FGSM
from attacks.queries.jacobian import Jacobian
from attacks.queries.jacobian_targeted import JacobianTargeted
from attacks.queries.knockoff import Knockoff
from attacks.queries.random_inputs import RandomInputs
from attacks.queries.sample import Sample
from revsig_keras.registry import Registry

ATTACKS = Registry("attack", {
    "sample": Sample,
    "random": RandomInputs,
    "copycat": Copycat,
    "jacobian": Jacobian,
    "jacobian_targeted": JacobianTargeted,
    "fgsm": FGSM,
    "knockoff": Knockoff,
    "active": Active,
    "data_free": DataFree,
},
                   base=Attack)

ADVERSARIES = Registry("adversary", {
    "probabilities": Probabilities,
    "labels": Labels,
    "semi_supervised": SemiSupervised,
    "averaged": Averaged,
    "aware": Aware,
    "bayes": Bayes,
    "learned_recovery": LearnedRecovery,
    "inverse": Inverse,
    "identify": Identify,
    "posterior_mean": PosteriorMean,
    "independent": Independent,
},
                       base=Adversary)
