"""All claims, and the order in which hours are spent on them."""

from attacks.claims import claim_01_sample
from attacks.claims import claim_02_probabilities
from attacks.claims import claim_03_naive_thief
from attacks.claims import claim_04_more_queries
from attacks.claims import claim_05_intact
from attacks.claims import claim_06_noise
from attacks.claims import claim_07_aware
from attacks.claims import claim_08_demonstration
from attacks.claims import claim_09_cifar10
from attacks.claims import claim_10_strategies
from attacks.claims import claim_11_architectures
from attacks.claims import claim_12_hyperparameters
from attacks.claims import claim_13_parameters
from attacks.claims import claim_14_frontier

CLAIMS = {
    module.CLAIM.number: module.CLAIM for module in (
        claim_01_sample,
        claim_02_probabilities,
        claim_03_naive_thief,
        claim_04_more_queries,
        claim_05_intact,
        claim_06_noise,
        claim_07_aware,
        claim_08_demonstration,
        claim_09_cifar10,
        claim_10_strategies,
        claim_11_architectures,
        claim_12_hyperparameters,
        claim_13_parameters,
        claim_14_frontier,
    )
}  # yapf: disable
# The most important first: where hours run out, the last ones stay undecided.
ORDER = (3, 4, 2, 5, 1, 9, 14, 7, 6, 8, 13, 12, 11, 10)
