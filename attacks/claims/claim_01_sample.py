"""Claim 1: Sample with augmentation is the strongest attack, and 300 queries give 97% agreement."""

import functools

from attacks.claims.criterion.claim import Claim
from attacks.claims.criterion.claim import Trial
from attacks.claims.criterion.finding import at_least
from attacks.claims.criterion.grid import Grid
from attacks.claims.criterion.measures import best_of
from attacks.claims.criterion.measures import difference
from attacks.claims.criterion.measures import level
from attacks.claims.criterion.measures import select
from attacks.report.rows.rows import distinct

# The run that compares attacks.
SAME_RECIPES = "mnist_300_others"


def judge(grids, least=0.97):
    """The best thief with Sample reaches `least`, and no other attack is better than Sample.

    Not where the attacks are compared by one recipe: `SAME_RECIPES`.
    """
    findings = []
    for name, grid in grids.items():
        sample = best_of(select(grid.rows, attack="sample"), "none")
        if name != SAME_RECIPES:
            thief = f"{sample[0]['adversary']}, {sample[0]['clone_architecture']}"
            subject = f"{name}: agreement of the best thief with Sample ({thief})"
            findings.append(at_least(subject, level(grid, sample), least))
        for attack in distinct(grid.rows, "attack"):
            if attack == "sample":
                continue
            other = best_of(select(grid.rows, attack=attack), "none")
            findings.append(
                at_least(f"{name}: agreement of Sample less that of {attack}",
                         difference(grid, other, sample), 0))
    return findings


CLAIM = Claim(
    number=1,
    title="Sample with augmentation is the strongest attack",
    source="Of the attacks that the paper tries, Sample with data augmentation is the strongest.",
    reported="97% agreement with 300 samples on MNIST.",
    trial=Trial(
        (Grid("mnist_300", 260), Grid(SAME_RECIPES, 330)),
        "Reproduced if the best thief, over four recipes with augmentation, three adversaries and "
        "two architectures, agrees on at least 97% with 300 queries, and if no other attack is "
        "better than Sample by the same recipes.", judge),
    quick=Trial(
        (Grid("quick_300", 7),), "Reproduced if the best thief agrees on at least 93% of "
        "digits with 300 queries, and active selection and noise are no better than Sample.",
        functools.partial(judge, least=0.93)))
