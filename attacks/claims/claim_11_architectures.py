"""Claim 11: the naive thief is misled whatever its architecture."""

import functools

from attacks.claims.criterion.claim import Claim
from attacks.claims.criterion.claim import Trial
from attacks.claims.criterion.finding import at_least
from attacks.claims.criterion.finding import Finding
from attacks.claims.criterion.grid import Grid
from attacks.claims.criterion.measures import best_of
from attacks.claims.criterion.measures import level
from attacks.claims.criterion.measures import losses
from attacks.claims.criterion.measures import select
from attacks.report.rows.rows import distinct
from attacks.report.rows.rows import group_rows
from attacks.report.verdict.verdict import Evidence


def judge(grids, least=0.2):
    """With each architecture of the clone, the naive thief loses `least`.

    The agreement of the naive and of the strongest thief, with each defence and without, and the
    loss of the strongest one are shown, and decide nothing.
    """
    findings, agreements, beside = [], [], []
    for name, grid in grids.items():
        for clone in distinct(grid.rows, "clone_architecture"):
            own = Evidence(select(grid.rows, clone_architecture=clone), grid.per_row)
            subject = f"{name}, {clone}"
            for (defence, budget), rows in group_rows(own.rows, "defence", "budget").items():
                for kind, thief in (("naive", select(rows, adversary="probabilities")),
                                    ("strongest", best_of(rows, defence))):
                    title = (f"{subject}, {budget:,} queries, {defence}: agreement of the {kind} "
                             "thief")
                    agreements.append(Finding(title, level(own, thief)))
            for kind, found in (("naive", findings), ("strongest", beside)):
                for (_, budget), (points, _) in losses(own, kind).items():
                    title = f"{subject}, {budget:,} queries: agreement lost by the {kind} thief"
                    found.append(at_least(title, points, least) if kind == "naive" else
                                 Finding(title, points))  # yapf: disable
    return findings + agreements + beside


CLAIM = Claim(
    number=11,
    title="The thief's architecture does not matter",
    source='Abstract: "We evaluate several ... model architectures ... under varying adversarial '
    'models".',
    reported="At least 20% off, as in claim 3.",
    trial=Trial((
        Grid("mnist_architectures", 32),
    ), "Reproduced if the naive thief loses at least .20 of agreement with a smaller, an equal and "
                "a larger clone than the victim, and with one of another family.", judge),
    quick=Trial((Grid("quick_architectures", 3),),
                "Reproduced if the naive thief loses at least .1 "
                "of agreement on digits with either of two architectures.",
                functools.partial(judge, least=0.1)),
    remarks="The clone's architecture matters to the naive thief: the answers take most off the "
    "multilayer perceptron and least off the network of four convolutions, which agrees most "
    "without a defence too. The strongest thief loses little with any of the four.")
