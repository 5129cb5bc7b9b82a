"""The strongest thief: chosen on validation rows, reported on test rows."""

from typing import Any, NamedTuple

from attacks.report.rows.rows import group_rows
from attacks.report.rows.rows import has_several_clones
from attacks.report.rows.rows import mean_agreement
from attacks.report.rows.rows import mean_of
from attacks.report.rows.rows import REPLICATE
from attacks.report.rows.rows import replicates_of
from attacks.report.rows.rows import THIEF
from attacks.report.rows.rows import thief_name
from attacks.report.rows.rows import thieves_only

Rows = list[dict[str, Any]]


class Strongest(NamedTuple):
    """A thief, its name in words, and its mean agreements on validation and on test rows."""
    validation: float
    agreement: float
    attack: str
    adversary: str
    clone_architecture: str | None
    name: str

    def __str__(self):
        return self.name

    def rows(self, rows: Rows) -> Rows:
        """The rows that are results of this thief."""
        thief = (self.attack, self.adversary, self.clone_architecture)
        return [row for row in rows if tuple(row[column] for column in THIEF) == thief]


def strongest(rows: Rows, defence: str, adversary: str | None = None) -> Strongest | None:
    """The thief of the highest mean agreement on the evaluator's validation rows.

    One attack and adversary is chosen for all replicates. Only thieves with the most replicates
    compete; `behind` names the others. A control is no thief, nor is a reader that is given clean
    outputs. A real thief would have to pay for rows to choose with: this choice is free and favours
    it.

    Args:
        rows: Rows of one budget, as `attacks.report.rows.summary.summary_rows` gives them.
        defence: The defence whose thieves compete.
        adversary: The only adversary that competes. Defaults to all of them.
    """
    mine = [
        row for row in thieves_only(rows)
        if row["defence"] == defence and adversary in (None, row["adversary"])
    ]
    return highest(mine, has_several_clones(rows))


def highest(rows: Rows, names_clone: bool) -> Strongest | None:
    """The thief or reader of these rows with the highest mean agreement on validation rows.

    Args:
        rows: Rows of one budget and one defence. A thief whose agreement on validation rows is
            not known does not compete.
        names_clone: Whether its name includes the architecture of the clone.
    """
    thieves = {
        thief: group
        for thief, group in group_rows(rows, *THIEF).items()
        if mean_of(group, "agreement_validation") is not None
    }
    most = max(map(len, thieves.values()), default=0)
    competing = [
        Strongest(mean_of(group, "agreement_validation"), mean_agreement(group), *thief,
                  thief_name(group[0], names_clone))
        for thief, group in thieves.items()
        if len(group) == most
    ]
    return max(competing, key=lambda thief: thief.validation, default=None)


def strongest_alike(rows: Rows, defence: str) -> tuple[Strongest, Strongest] | None:
    """The strongest thieves of the undefended and the defended victim that are of one kind.

    Both have the attack of the strongest thief of the defended victim and the same replicates, and
    are chosen among the adversaries and architectures that were tried on both victims.

    Args:
        rows: Rows of one budget.
        defence: The defence that is compared with none.

    Returns:
        The thieves, undefended and defended, or `None` where nothing was tried on both victims.
    """
    rows = thieves_on_both(rows, defence)
    defended = strongest(rows, defence)
    if defended is None:
        return None
    alike = [row for row in rows if row["attack"] == defended.attack]
    return strongest(alike, "none"), strongest(alike, defence)


def thieves_on_both(rows: Rows, defence: str) -> Rows:
    """The rows of thieves and replicates that both the undefended and the defended victim have."""
    sides = [[row for row in thieves_only(rows) if row["defence"] == name]
             for name in ("none", defence)]  # yapf: disable
    keys = set.intersection(
        *(set(group_rows(side, "budget", *THIEF, *REPLICATE)) for side in sides))
    return [
        row for row in sum(sides, [])
        if tuple(row[column] for column in ("budget", *THIEF, *REPLICATE)) in keys
    ]


def behind(rows: Rows) -> dict[tuple, tuple[int, int]]:
    """The thieves that have fewer replicates than others of their defence and budget.

    Returns:
        By defence, budget and the columns `THIEF`: the replicates of the thief, and the most.
    """
    found = {}
    for key, group in group_rows(rows, "defence", "budget").items():
        counts = {
            thief: len(replicates_of(mine)) for thief, mine in group_rows(group, *THIEF).items()
        }
        most = max(counts.values())
        found.update({(*key, *thief): (count, most) for thief, count in counts.items()
                      if count < most})  # yapf: disable
    return found


def rows_of_strongest(rows: Rows) -> Rows:
    """The rows of the strongest thief of each defence, `none` included, and each budget."""
    chosen = []
    for (defence, _), group in group_rows(thieves_only(rows), "defence", "budget").items():
        chosen += strongest(group, defence).rows(group)
    return chosen
