"""The table of agreements."""

from typing import Any

from attacks.report.columns.alignment import aligned
from attacks.report.rows.rows import distinct
from attacks.report.rows.rows import group_rows
from attacks.report.rows.rows import has_several_clones
from attacks.report.rows.rows import mark
from attacks.report.rows.rows import mean_agreement
from attacks.report.rows.rows import mean_of
from attacks.report.rows.rows import THIEF
from attacks.report.rows.rows import thieves_only
from attacks.report.rows.rows import VICTIM
from attacks.report.rows.strongest import rows_of_strongest
from attacks.report.rows.worth import victim_lines


def agreement_table(rows: list[dict[str, Any]]) -> str:
    """Mean agreement over replicates: a line for each thief, a column for each budget.

    The strongest thief of each defence and budget comes first, and with it what its agreement is
    worth: balanced over labels. A control is marked. Where a thief has fewer replicates than
    another, their number follows the mean. The last lines tell the victims.
    """
    budgets = sorted(distinct(rows, "budget"))
    words = ("attack", "adversary", "clone_architecture")
    if not has_several_clones(rows):
        words = words[:-1]
    cells = group_rows(rows, "defence", *THIEF, "budget")
    most = max(map(len, cells.values()))
    heads = [word.replace("_architecture", "") for word in ("defence", *words)]
    lines = [(*heads, *map(str, budgets))]
    lines += _heads(rows, budgets, len(words) - 1, most)
    for (defence, *thief), group in group_rows(rows, "defence", *THIEF).items():
        names = [group[0][word] or "-" for word in words]
        names[1] += mark(group[0])
        means = (_entry(cells.get((defence, *thief, budget), []), most) for budget in budgets)
        lines.append((defence, *names, *means))
    drawn = aligned(lines, left=1 + len(words))
    if any("(" in entry for line in lines[1:] for entry in line[1 + len(words):]):
        drawn.append(f"(n): mean of n {_replicates(rows)} instead of {most}")
    return "\n".join([*drawn, *victim_lines(rows)])


def _heads(rows, budgets, blank, most):
    """The lines of the strongest thief of each defence."""
    heads = group_rows(rows_of_strongest(rows), "defence", "budget")
    kinds = [("of all", mean_agreement)]
    if any(row["agreement_balanced"] is not None for row in rows):
        kinds.append(("balanced", lambda group: mean_of(group, "agreement_balanced")))
    return [(defence, "strongest", kind, *["-"] * (blank - 1),
             *(_entry(heads.get((defence, budget), []), most, mean)
               for budget in budgets))
            for defence in distinct(thieves_only(rows), "defence")
            for kind, mean in kinds]


def _entry(rows, most, mean=mean_agreement):
    value = mean(rows) if rows else None
    if value is None:
        return "-"
    return f"{value:.3f}" if len(rows) == most else f"{value:.3f} ({len(rows)})"


def _replicates(rows):
    victims = group_rows(rows, *VICTIM)
    return "seeds" if len(victims) == 1 else "replicates (a split, a victim and a seed)"
