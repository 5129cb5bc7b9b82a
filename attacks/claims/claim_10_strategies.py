"""Claim 10: no strategy of querying is better than Sample with augmentation, defended or not."""

import functools

from attacks.claims.criterion.claim import Claim
from attacks.claims.criterion.claim import Trial
from attacks.claims.criterion.finding import at_most
from attacks.claims.criterion.finding import Finding
from attacks.claims.criterion.grid import Grid
from attacks.claims.criterion.measures import best_of
from attacks.claims.criterion.measures import difference
from attacks.claims.criterion.measures import fraction_over_victims
from attacks.claims.criterion.measures import level
from attacks.claims.criterion.measures import select
from attacks.report.rows.rows import distinct
from attacks.report.rows.rows import group_rows

SAMPLE = "sample:augment=after"


def judge(grids, most=0.01):
    """No other strategy's best thief gains more than `most` over the best thief of Sample."""
    findings, beside = [], []
    for name, grid in grids.items():
        for (defence, budget), rows in group_rows(grid.rows, "defence", "budget").items():
            sample = best_of(select(rows, attack=SAMPLE), defence)
            for attack in distinct(rows, "attack"):
                best = best_of(select(rows, attack=attack), defence)
                subject = f"{name}, {defence}, {budget:,} queries, {attack}"
                if attack != SAMPLE:
                    gained = difference(grid, sample, best)
                    findings.append(at_most(f"{subject}: gain over {SAMPLE}", gained, most))
                fooled = fraction_over_victims(best, "transferability")
                beside += [Finding(f"{subject}: agreement", level(grid, best)),
                           Finding(f"{subject}: transferability", fooled)]  # yapf: disable
    return sorted(findings, key=lambda finding: -finding.measure.mean) + beside


CLAIM = Claim(
    number=10,
    title="No strategy beats Sample with augmentation",
    source='Abstract: "We evaluate several attack strategies".',
    reported="Sample with data augmentation is the strongest.",
    trial=Trial(
        (Grid("mnist_strategies", 26),),
        "Reproduced if no other strategy, with the better of the naive and the labels-only thief, "
        "gains more than a point over Sample with free augmentation, at two budgets, defended and "
        "not. Agreement and transferability stand beside it.", judge),
    quick=Trial((Grid("quick_strategies", 6),), "Reproduced if none of four other strategies gains "
                "more than 2 points on digits.", functools.partial(judge, most=0.02)),
    remarks="`data_free` needs 20,000 queries and more, and is in `results/data_free_digits`.")
