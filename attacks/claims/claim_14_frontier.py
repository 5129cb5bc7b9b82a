"""Claim 14: coded answers leave thieves no more than labels do. It is this project's claim."""

import math

from attacks.claims.criterion.claim import Claim
from attacks.claims.criterion.claim import Trial
from attacks.claims.criterion.figure import RunFigure
from attacks.claims.criterion.finding import Finding
from attacks.claims.criterion.grid import Grid
from attacks.claims.criterion.measures import best_of
from attacks.claims.criterion.measures import fraction_over_victims
from attacks.claims.criterion.measures import Measure
from attacks.report.leak.bounded_leak import bounded_leaks
from attacks.report.leak.bounded_leak import FAILS
from attacks.report.leak.bounded_leak import HOLDS
from attacks.report.leak.bounded_leak import LABELS_ARE_ENOUGH
from attacks.report.leak.bounded_leak import MARGIN
from attacks.report.leak.bounded_leak import UNDECIDED
from attacks.report.leak.frontier import frontier
from attacks.report.leak.frontier_figure import draw_frontier
from attacks.report.rows.rows import group_rows

MEANS = {HOLDS: True, FAILS: False, UNDECIDED: None}


def judge(grids):
    """By `attacks.report.leak.bounded_leak`: the claim holds wherever labels are not enough.

    Of what thieves gain and honest users lose, all within one margin, the figure with the highest
    upper bound stands for the others.
    """
    findings, beside = [], []
    for name, grid in grids.items():
        for leak in bounded_leaks(grid.rows, grid.per_row):
            subject = f"{name}, {leak.defence}, {leak.budget:,} queries"
            beside.append(Finding(f"{subject}: undefended gain over labels", _measure(leak.worth)))
            beside += [Finding(f"{subject}: {loss.name} lost", _measure(loss), form=".4f")
                       for loss in leak.losses]  # yapf: disable
            beside.append(
                Finding(f"{subject}: most that a thief gains over labels ({leak.worst.name})",
                        _measure(leak.worst)))
            if leak.verdict != LABELS_ARE_ENOUGH:
                nearest = max((leak.worst, *leak.losses), key=_upper_bound)
                what = "lost" if nearest in leak.losses else "gained over labels"
                findings.append(
                    Finding(f"{subject}: nearest to the limit: {nearest.name}, {what}",
                            _measure(nearest), (None, MARGIN), MEANS.get(leak.verdict)))
        for (defence, budget), rows in group_rows(grid.rows, "defence", "budget").items():
            fooled = fraction_over_victims(best_of(rows, defence), "transferability")
            subject = f"{name}, {defence}, {budget:,} queries: transferability, strongest thief"
            beside.append(Finding(subject, fooled))
    return findings + beside


def _upper_bound(bounded):
    high = bounded.high()
    return math.inf if high is None else high


def _measure(bounded):
    """The mean, with its one-sided bounds of 95%; NaN where nothing is known."""
    return Measure(math.nan if bounded.mean is None else bounded.mean, bounded.low(),
                   bounded.high())


CLAIM = Claim(
    number=14,
    title="Coded answers leave thieves no more than labels do",
    source="Nothing: the claim is this project's, for `ConfidenceBuckets` and `Decoy`, which stand "
    "beside the paper's defence.",
    reported="No figure.",
    trial=Trial(
        (Grid("frontier_digits", 3, is_general=True), Grid("frontier_mnist", 9, is_general=True),
         Grid("cifar_frontier", 53), Grid("gtsrb_frontier", 23),
         Grid("cifar_frontier_unsure", 37, base="cifar_frontier", changes=("--victim_steps=700",)),
         Grid("gtsrb_frontier_unsure", 18, base="gtsrb_frontier",
              changes=("--victim_steps=400",)), Grid("mnist_frontier_beside", 22)),
        "Reproduced if, wherever undefended probabilities are worth more than a point over labels, "
        "each thief who reads more than labels has a one-sided 95% upper bound of at most a point "
        "over the strongest who reads labels alone, and honest users lose at most .01 of "
        "confidence AUROC and calibration. Less sure victims, images of another domain and larger "
        "clones count as well; transferability stands beside it.", judge),
    quick=Trial((Grid("quick_frontier", 2),), "The same criterion on digits, at 50 queries.",
                judge),
    remarks="No run shows a thief who gains more than a point from three bits; where that is open, "
    "more replicates would tell. Users of a less sure victim lose too much: eight buckets order "
    "its confidences too coarsely. More bits cost less (`results/frontier_digits_strengths`).",
    figure=RunFigure("What honest users lose, and what a thief keeps",
                     lambda grid: draw_frontier(frontier(grid.rows))))
