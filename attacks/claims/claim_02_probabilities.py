"""Claim 2: without a defence, probabilities save the thief queries."""

from attacks.claims.criterion.claim import Claim
from attacks.claims.criterion.claim import Trial
from attacks.claims.criterion.finding import at_least
from attacks.claims.criterion.finding import Finding
from attacks.claims.criterion.measures import as_defence
from attacks.claims.criterion.measures import losses
from attacks.claims.criterion.measures import multipliers
from attacks.claims.grids import DIGITS_CURVE
from attacks.claims.grids import MNIST_CURVE
from attacks.claims.grids import MNIST_LONG
from attacks.claims.grids import QUICK_DIGITS


def judge(grids):
    """On every grid and at every budget, a thief of labels agrees less than one of probabilities.

    The query multipliers are shown, and decide nothing.
    """
    findings, beside = [], []
    for name, grid in grids.items():
        only_labels = as_defence(grid, adversary="labels")
        for (_, budget), (lost, _) in losses(only_labels, "naive").items():
            subject = f"{name}, {budget:,} queries: agreement lost with labels alone, points"
            findings.append(at_least(subject, lost, 0))
        for (_, budget), times in multipliers(only_labels, "naive").items():
            subject = f"{name}, {budget:,} queries: queries needed with labels alone, times"
            beside.append(Finding(subject, times, form=".3g"))
    return findings + beside


CLAIM = Claim(
    number=2,
    title="Probabilities help a thief over labels",
    source='Abstract: to "discard the class probabilities" requires "significantly more queries '
    'before they can train a model with comparable performance".',
    reported="MNIST with Adam, the authors' demonstration: .736 of test accuracy with "
    "probabilities and .751 with labels at 250 queries, .946 and .939 at 2,000.",
    trial=Trial((
        MNIST_CURVE, MNIST_LONG, DIGITS_CURVE
    ), "Reproduced if an undefended victim's labels give less agreement than its probabilities, on "
                "each data set, at every budget and for either length of training.",
                judge,
                by_run=True),
    quick=Trial((QUICK_DIGITS,), "Reproduced if labels give less agreement than probabilities on "
                "digits, at every budget.", judge))
