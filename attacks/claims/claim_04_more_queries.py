"""Claim 4: for the same agreement, a thief needs up to 64 times more queries."""

import functools

from attacks.claims.criterion.claim import Claim
from attacks.claims.criterion.claim import Trial
from attacks.claims.criterion.figure import RunFigure
from attacks.claims.criterion.finding import at_least
from attacks.claims.criterion.finding import Finding
from attacks.claims.criterion.measures import budgets_of
from attacks.claims.criterion.measures import largest
from attacks.claims.criterion.measures import multipliers
from attacks.claims.grids import MNIST_CURVE
from attacks.claims.grids import QUICK_DIGITS
from attacks.report.multiplier_figure import draw_multipliers


def judge(grids, times=64):
    """The naive thief needs more queries at every budget, and `times` as many at one of them.

    Only a budget whose multiple is in the grid can show the latter. The multipliers of the
    strongest thief are shown, and decide nothing.
    """
    needed, beside = [], []
    for name, grid in grids.items():
        for kind, findings in (("naive", needed), ("strongest", beside)):
            for (_, budget), multiplier in multipliers(grid, kind).items():
                subject = f"{name}, {budget:,} queries: times more that the {kind} thief needs"
                findings.append(
                    at_least(subject, multiplier, 1.1, ".3g") if kind ==
                    "naive" else Finding(subject, multiplier, form=".3g"))

    def in_reach(confidence):
        return [multiplier for grid in grids.values()
                for (_, budget), multiplier in multipliers(grid, "naive", confidence).items()
                if times * budget <= budgets_of(grid.rows)[-1]]  # yapf: disable

    most = at_least("most that the naive thief needs, times", largest(in_reach), times, ".3g")
    return [most, *needed, *beside]


CLAIM = Claim(
    number=4,
    title="A thief needs up to 64 times more queries",
    source='Abstract: "or require up to 64 times more queries"; 4 times in an earlier version.',
    reported="64 times.",
    trial=Trial(
        (MNIST_CURVE,),
        "Reproduced if the naive thief needs at least 1.1 times more queries for the same "
        "agreement at every budget where this is known, and at least 64 times more at one of "
        "those (50 and 200) whose 64-fold is in the grid.", judge),
    quick=Trial((QUICK_DIGITS,), "Reproduced if the naive thief needs 1.1 times more queries on "
                "digits at every budget, and at least 4 times more at 25 or 100.",
                functools.partial(judge, times=4)),
    figure=RunFigure("Times more queries that a thief needs",
                     lambda grid: draw_multipliers(grid.rows, grid.per_row)))
