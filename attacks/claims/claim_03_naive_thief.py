"""Claim 3: the defence takes at least 20% off the thief who trusts the probabilities."""

import functools

from attacks.claims.criterion.claim import Claim
from attacks.claims.criterion.claim import Trial
from attacks.claims.criterion.figure import AGREEMENT
from attacks.claims.criterion.finding import at_least
from attacks.claims.criterion.finding import Finding
from attacks.claims.criterion.measures import losses
from attacks.claims.grids import DIGITS_CURVE
from attacks.claims.grids import MNIST_CURVE
from attacks.claims.grids import MNIST_LONG
from attacks.claims.grids import QUICK_DIGITS


def judge(grids, least=0.2):
    """On every grid and at every budget, the naive thief loses `least`, in points and relatively.

    The loss of the strongest thief is shown, and decides nothing.
    """
    findings, beside = [], []
    for name, grid in grids.items():
        for (_, budget), (points, relative) in losses(grid, "naive").items():
            subject = f"{name}, {budget:,} queries: agreement lost by the naive thief"
            findings.append(at_least(f"{subject}, points", points, least))
            findings.append(at_least(f"{subject}, relative", relative, least))
        for (_, budget), (points, _) in losses(grid, "strongest").items():
            subject = f"{name}, {budget:,} queries: agreement lost by the strongest thief, points"
            beside.append(Finding(subject, points))
    return findings + beside


CLAIM = Claim(
    number=3,
    title="The defence takes at least 20% off a thief",
    source='Abstract: "our defense can degrade the accuracy of the stolen model at least 20%".',
    reported="At least 20%. MNIST with Adam, the authors' demonstration: .736 to .238 of test "
    "accuracy at 250 queries, .974 to .824 at 5,000.",
    trial=Trial(
        (DIGITS_CURVE, MNIST_CURVE, MNIST_LONG),
        "Reproduced if the naive thief, who trains on the answers, loses at least .20 of "
        "agreement, and at least 20% of what it has without the defence, on each data set and at "
        "every budget. The strongest thief's loss stands beside it.",
        judge,
        by_run=True),
    quick=Trial((QUICK_DIGITS,), "Reproduced if the naive thief loses at least .05 of agreement on "
                "digits, and 5% of it, at every budget.", functools.partial(judge, least=0.05)),
    figure=AGREEMENT)
