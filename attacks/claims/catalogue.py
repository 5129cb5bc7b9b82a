"""All claims."""

from attacks.claims import claim_02_probabilities
from attacks.claims import claim_03_naive_thief
from attacks.claims import claim_04_more_queries
from attacks.claims import claim_05_intact

CLAIMS = {
    module.CLAIM.number: module.CLAIM for module in (
        claim_02_probabilities,
        claim_03_naive_thief,
        claim_04_more_queries,
        claim_05_intact,
    )
}  # yapf: disable
