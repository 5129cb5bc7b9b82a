"""What the owner of a victim compares the results with."""

import dataclasses
import math

from revsig_keras.arguments import is_real
from revsig_keras.options import option


@dataclasses.dataclass(frozen=True)
class Judgement:
    """The price of queries and the limit on thieves; both may change without a new experiment.

    Attributes:
        price_per_1000: The price of 1,000 queries, in any currency, or `None`.
        fail_above: The largest agreement of a thief that passes, in [0, 1], or `None`.
    """
    price_per_1000: float | None = option(
        None,
        "The price of 1,000 queries for a thief, in any currency, for the verdict.",
        affects_results=False)
    fail_above: float | None = option(
        None,
        "The largest agreement that passes, in [0, 1]. The exit status is 0 if the 95% intervals "
        "of all thieves and budgets end at or below it, 2 if one lies above it, corrected for "
        "their number, and 3 otherwise or if cells of the grid are missing.",
        affects_results=False)

    def __post_init__(self):
        price, limit = self.price_per_1000, self.fail_above
        if price is not None and not (is_real(price) and 0 <= price < math.inf):
            raise ValueError(f"`price_per_1000` must be a number of at least 0. Received: {price}")
        if limit is not None and not (is_real(limit) and 0 <= limit <= 1):
            raise ValueError(f"`fail_above` must be in [0, 1]. Received: {limit}")
        for name in ("price_per_1000", "fail_above"):
            if getattr(self, name) is not None:
                # NumPy's numbers become Python's, which JSON can write.
                object.__setattr__(self, name, float(getattr(self, name)))
