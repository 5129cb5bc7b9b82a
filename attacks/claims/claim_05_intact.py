"""Claim 5: the victim's accuracy stays almost intact."""

from attacks.claims.criterion.claim import Claim
from attacks.claims.criterion.claim import Trial
from attacks.claims.criterion.finding import at_most
from attacks.claims.criterion.finding import exactly
from attacks.claims.criterion.finding import Finding
from attacks.claims.criterion.grid import Grid
from attacks.claims.criterion.measures import over_victims
from attacks.claims.criterion.measures import select
from attacks.report.rows.rows import defences_of

LITERAL = ":preserve_top1=false"
# The published setting for MNIST.
PUBLISHED = f"reverse_sigmoid:beta=1:gamma=.2{LITERAL}"


def judge(grids):
    """The literal formula costs at most half a point of accuracy; a kept label costs none."""
    literal, kept, beside = [], [], []
    for name, grid in grids.items():
        for defence in defences_of(grid.rows):
            rows = select(grid.rows, defence=defence)
            lost = over_victims(
                rows, lambda row: row["victim_accuracy_clean"] - row["victim_accuracy_defended"])
            subject = f"{name}: accuracy lost with {defence}, points"
            if defence == PUBLISHED:
                literal.append(at_most(subject, lost, 0.005, ".4f"))
            elif defence.endswith(LITERAL):
                beside.append(Finding(subject, lost, form=".4f"))
            else:
                changed = sum(row["label_changes"] + row["label_changes_test"] for row in rows)
                kept.append(exactly(f"{name}: labels changed by {defence}", changed, 0))
    return literal + kept + beside


CLAIM = Claim(
    number=5,
    title="The victim's accuracy stays almost intact",
    source='Abstract: "while keeping the accuracy of the protected model almost intact".',
    reported="No figure.",
    trial=Trial(
        (Grid("mnist_intact", 11, ("--budgets=20000",)),),
        "Reproduced if the paper's literal formula, with its setting for MNIST, costs the victim "
        "at most .005 of accuracy, and if no label of a queried or a test row changes where the "
        "label is kept, as it is by default.", judge),
    quick=Trial((Grid("quick_intact", 1),), "The same criterion on digits, with three victims.",
                judge),
    remarks="The literal formula keeps the accuracy only up to beta=1: it leaves 1 - beta/2 to the "
    "top of a sure row and gives beta/2 to classes without mass. With beta=1.2 most of the "
    "accuracy is lost.")
