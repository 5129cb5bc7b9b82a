"""The criterion of each claim, on made-up rows: it can come to each of the four verdicts."""
import pytest

from attacks.claims.catalogue import CLAIMS
from attacks.claims.claim_05_intact import PUBLISHED
from attacks.claims.criterion.finding import NOT
from attacks.claims.criterion.finding import PARTLY
from attacks.claims.criterion.finding import REPRODUCED
from attacks.claims.criterion.finding import UNDECIDED
from attacks.claims.criterion.finding import verdict_of
from tests.attacks.claims.made_up_grids import curves
from tests.attacks.claims.made_up_grids import grid
from tests.attacks.claims.made_up_grids import replicates
from tests.attacks.claims.made_up_grids import RS

NAIVE, SAFE = ("none", "probabilities"), (RS, "probabilities")
FIVE = (50, 200, 800, 3200, 12800)


def labels(curve, **values):
    """Thieves of the probabilities and of the labels, undefended."""
    return curves((100, 200), {NAIVE: (0.8, 0.9), ("none", "labels"): curve}, **values)


def defended(curve, **values):
    return curves((100, 200), {NAIVE: (0.8, 0.9), SAFE: curve}, **values)


def steps(curve):
    return curves(FIVE, {NAIVE: (0.5, 0.6, 0.7, 0.8, 0.9), SAFE: curve})


def intact(lost, changed, spread=0.0):
    """Victims whose accuracy the literal formula costs so much."""
    victims = [[{
        **row, "victim_accuracy_clean": 0.99,
        "label_changes": changes,
        "label_changes_test": 0,
        "victim_accuracy_defended": 0.99 - loss - (spread if row["seed"] % 2 else -spread)
    }
                for row in replicates(defence, "labels", 9, 0.5)]
               for defence, loss, changes in ((PUBLISHED, lost, 3), (RS, 0.0, changed))]
    return grid(*victims)  # yapf: disable


CASES = {
    2: {
        REPRODUCED: labels((0.7, 0.85)),
        NOT: labels((0.85, 0.95)),
        PARTLY: labels((0.7, 0.95)),
        UNDECIDED: labels((0.79, 0.89), spread=0.1),
    },
    3: {
        REPRODUCED: defended((0.5, 0.6)),
        NOT: defended((0.79, 0.89)),
        PARTLY: defended((0.5, 0.89)),
        UNDECIDED: defended((0.5, 0.6), spread=0.3),
    },
    4: {
        REPRODUCED: steps((0.1, 0.2, 0.3, 0.4, 0.6)),
        NOT: steps((0.6, 0.7, 0.8, 0.9, 0.95)),
        PARTLY: steps((0.4, 0.5, 0.6, 0.7, 0.8)),
        UNDECIDED: steps((0.1, 0.2, 0.3, 0.5, 0.6)),
    },
    5: {
        REPRODUCED: intact(0.001, 0),
        NOT: intact(0.2, 8),
        PARTLY: intact(0.2, 0),
        UNDECIDED: intact(0.006, 0, spread=0.02),
    },
}  # yapf: disable


@pytest.mark.parametrize("number", CLAIMS)
@pytest.mark.parametrize("verdict", [REPRODUCED, NOT, PARTLY, UNDECIDED])
def test_every_criterion_can_come_to_every_verdict(number, verdict):
    made = CASES[number][verdict]
    trial = CLAIMS[number].trial
    findings = trial.judge({grid.name: made for grid in trial.grids})
    assert verdict_of(findings) == verdict, findings


@pytest.mark.parametrize("number", CLAIMS)
def test_the_quick_criterion_can_be_met(number):
    trial = CLAIMS[number].quick
    findings = trial.judge({grid.name: CASES[number][REPRODUCED] for grid in trial.grids})
    assert verdict_of(findings) == REPRODUCED
