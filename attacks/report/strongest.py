"""The strongest thief: chosen on validation rows, reported on test rows."""

from typing import Any, NamedTuple

from attacks.report.rows import agreement
from attacks.report.rows import group_rows
from attacks.report.statistics import mean


class Strongest(NamedTuple):
    """A thief, and its mean agreements over the seeds, on validation and on test rows."""
    validation: float
    agreement: float
    attack: str
    adversary: str

    def __str__(self):
        return f"{self.adversary}, {self.attack}"

    def rows(self, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Those rows that are results of this thief."""
        thief = (self.attack, self.adversary)
        return [row for row in rows if (row["attack"], row["adversary"]) == thief]


def strongest(rows: list[dict[str, Any]],
              defence: str,
              adversary: str | None = None) -> Strongest | None:
    """The thief of the highest mean agreement on the evaluator's validation rows.

    One attack and adversary is chosen for all seeds; only thieves with the most seeds compete. A
    real thief would have to pay for rows to choose with: this choice is free and favours it.

    Args:
        rows: Rows of one budget, as `attacks.report.summary.summary_rows` gives them.
        defence: The defence whose thieves compete.
        adversary: The only adversary that competes. Defaults to all of them.
    """
    thieves = group_rows([
        row for row in rows if row["defence"] == defence and adversary in (None, row["adversary"])
    ], "attack", "adversary")
    most = max(map(len, thieves.values()), default=0)
    competing = [
        Strongest(mean(row["agreement_validation"]
                       for row in group), mean(map(agreement, group)), *thief)
        for thief, group in thieves.items()
        if len(group) == most
    ]
    return max(competing, key=lambda thief: thief.validation, default=None)


def rows_of_strongest(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows of the strongest thief of each defence, `none` included, and each budget."""
    chosen = []
    for (defence, _), group in group_rows(rows, "defence", "budget").items():
        chosen += strongest(group, defence).rows(group)
    return chosen
