"""What a defence costs honest users, over victims."""

from typing import Any

import numpy as np

from attacks.report.rows.rows import group_rows
from attacks.report.rows.rows import VICTIM
from attacks.report.statistics.bounded import Bounded
from attacks.report.statistics.variance import crossed_mean

Rows = list[dict[str, Any]]


def losses_of(rows: Rows) -> tuple[Bounded, Bounded]:
    """What honest users lose, by victim: confidence AUROC, and calibration as decoded.

    Args:
        rows: Rows of one defence.
    """
    return (loss_of("confidence AUROC", rows, "confidence_auroc_clean",
                    "confidence_auroc_defended"),
            loss_of("expected calibration error", rows, "ece_decoded", "ece_clean"))


def loss_of(name: str, rows: Rows, more: str, less: str) -> Bounded:
    """The mean over victims of the difference of two columns; victims that lack one do not count.

    Args:
        name: The name of the difference.
        rows: Rows of one defence.
        more: The column that is subtracted from.
        less: The column that is subtracted.
    """
    victims = group_rows((row for row in rows if None not in (row[more], row[less])), *VICTIM)
    values = [np.mean([row[more] - row[less] for row in group]) for group in victims.values()]
    return Bounded(name,
                   crossed_mean(np.array(values), ["victims"]) if values else None, len(values))
