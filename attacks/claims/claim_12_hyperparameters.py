"""Claim 12: the naive thief is misled whatever its hyperparameters and the victim's confidence."""

import functools

from attacks.claims import claim_03_naive_thief
from attacks.claims.criterion.claim import Claim
from attacks.claims.criterion.claim import Trial
from attacks.claims.criterion.finding import Finding
from attacks.claims.criterion.grid import Grid
from attacks.claims.criterion.measures import difference
from attacks.claims.criterion.measures import fraction_over_victims
from attacks.claims.criterion.measures import over_victims
from attacks.claims.criterion.measures import select
from attacks.report.rows.rows import defences_of
from attacks.report.rows.rows import group_rows
from attacks.report.verdict.verdict import Evidence

# One factor at a time, of the thief and of the victim.
LOW_PRECISION = "bfloat16"
FACTORS = {
    "sgd": "--optimizer=sgd:learning_rate=.1:momentum=.9",
    "slow": "--optimizer=adam:learning_rate=.0003",
    "fast": "--optimizer=adam:learning_rate=.003",
    "small_batch": "--batch_size=8",
    "large_batch": "--batch_size=128",
    "short": "--steps=300",
    "long": "--steps=2500",
    LOW_PRECISION: "--precision=mixed_bfloat16",
    "short_victim": "--victim_steps=200",
    "smoothed_victim": "--victim_label_smoothing=.1",
    "unsure_victim": "--victim_temperature=.25",
    "sure_victim": "--victim_temperature=4",
}
_THIEF = ("defence", "adversary", "budget")
VARIANTS = tuple(
    Grid(f"mnist_base_{name}",
         35 if name in ("long", "large_batch") else 20,
         base="mnist_base",
         changes=(flag,)) for name, flag in FACTORS.items())
QUICK = tuple(
    Grid(f"quick_base_{name}", 3, base="quick_base", changes=(FACTORS[name],))
    for name in ("sgd", "fast", LOW_PRECISION, "smoothed_victim", "unsure_victim", "sure_victim"))


def judge(grids, least=0.2):
    """The naive thief loses `least`, in points and relatively, by the base and by each variant.

    How accurate each victim is, how far its answers move, and what bfloat16 changes for each thief
    are shown, and decide nothing.
    """
    findings = claim_03_naive_thief.judge(grids, least)
    for name, grid in grids.items():
        accuracy = fraction_over_victims(grid.rows, "victim_accuracy_clean")
        findings.append(Finding(f"{name}: accuracy of the victim", accuracy))
        defended = [row for row in grid.rows if row["defence"] in defences_of(grid.rows)]
        moved = over_victims(defended, lambda row: row["distortion_l1"])
        findings.append(Finding(f"{name}: L1 distance of the defended answers", moved, form=".2f"))
        findings += _changes(grids.get(name.removesuffix(f"_{LOW_PRECISION}")), grid, name)
    return findings


def _changes(float32, grid, name):
    """The agreement of each thief in bfloat16 less that in float32."""
    changes = []
    thieves = {} if float32 in (None, grid) else group_rows(grid.rows, *_THIEF)
    for thief, rows in thieves.items():
        before = select(float32.rows, **dict(zip(_THIEF, thief)))
        subject = "{}, {}, {}, {:,} queries: agreement more than in float32".format(name, *thief)
        changes.append(Finding(subject, difference(Evidence(rows), before, rows)))
    return changes


CLAIM = Claim(
    number=12,
    title="Hyperparameters do not matter",
    source='Abstract: "We evaluate several ... hyperparameters under varying adversarial models".',
    reported="At least 20% off, as in claim 3.",
    trial=Trial(
        (Grid("mnist_base", 20), *VARIANTS),
        "Reproduced if the naive thief loses at least .20 of agreement, and at least 20% of it, by "
        "the base recipe and where one factor is changed: optimiser, rate, batch, steps and "
        "precision of the clone, and what decides how sure the victim is: its steps, smoothed "
        "labels, and the temperature of its softmax in training.",
        judge,
        by_run=True),
    quick=Trial((Grid("quick_base", 3), *QUICK), "The same on digits with six factors, for .05 of "
                "agreement and 5% of it.", functools.partial(judge, least=0.05)),
    remarks="What the defence takes depends on how sure the victim is. A rate of .1 is too much "
    "for SGD here: no clone learns anything from labels, with a defence or without.")
