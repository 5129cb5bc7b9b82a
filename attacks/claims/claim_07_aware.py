"""Claim 7: thieves who know the defence are no better than one who uses only labels."""

import functools

from attacks.claims.criterion.claim import Claim
from attacks.claims.criterion.claim import Trial
from attacks.claims.criterion.finding import at_most
from attacks.claims.criterion.finding import Finding
from attacks.claims.criterion.grid import Grid
from attacks.claims.criterion.measures import difference
from attacks.claims.criterion.measures import select
from attacks.claims.grids import QUICK_DIGITS
from attacks.report.rows.readers import sees_clean
from attacks.report.rows.rows import defences_of
from attacks.report.rows.rows import distinct
from attacks.report.rows.rows import group_rows

# The thieves who know nothing of the defence.
UNAWARE = ("probabilities", "labels")


def judge(grids, most=0.01):
    """No thief who knows the defence gains more than `most` over the labels-only thief, behind it.

    A reader that is given clean outputs is no thief: its gain is shown, and decides nothing.
    """
    findings = []
    for name, grid in grids.items():
        defended = [row for row in grid.rows if row["defence"] in defences_of(grid.rows)]
        for (attack, budget), rows in group_rows(defended, "attack", "budget").items():
            labels = select(rows, adversary="labels")
            for adversary in distinct(rows, "adversary"):
                if adversary in UNAWARE:
                    continue
                gained = difference(grid, labels, select(rows, adversary=adversary))
                subject = f"{name}, {attack}, {budget:,} queries: gain of {adversary} over labels"
                is_beside = sees_clean({"adversary": adversary})
                findings.append(
                    Finding(subject, gained) if is_beside else at_most(subject, gained, most))
    return sorted(findings, key=lambda finding: (not finding.condition, -finding.measure.mean))


CLAIM = Claim(
    number=7,
    title="Knowing the defence does not help",
    source='Abstract: the defence "forces the adversary to discard the class probabilities", and '
    'is evaluated "against the strongest adversary". The paper says that it rests on thieves who '
    "do not know the layer or its parameters.",
    reported="Labels alone are the best that a thief has.",
    trial=Trial(
        (Grid("mnist_aware", 40),),
        "Reproduced if no thief who knows the defence (its parameters right, wrong or learned, by "
        "training through it or by recovery) agrees on more than a point more than the "
        "labels-only thief of the same attack.", judge),
    quick=Trial((QUICK_DIGITS,), "Reproduced if `aware` and `bayes` gain at most 3 points on "
                "digits.", functools.partial(judge, most=0.03)))
