"""The table of agreements."""

from typing import Any

from attacks.report.alignment import aligned
from attacks.report.rows import agreement
from attacks.report.rows import distinct
from attacks.report.rows import group_rows
from attacks.report.statistics import mean
from attacks.report.strongest import rows_of_strongest


def agreement_table(rows: list[dict[str, Any]]) -> str:
    """Mean agreement over seeds: a line for each thief, a column for each budget.

    The strongest thief of each defence and budget comes first. Where a thief has fewer seeds than
    another, their number follows the mean.
    """
    budgets = sorted(distinct(rows, "budget"))
    cells = group_rows(rows, "defence", "attack", "adversary", "budget")
    seeds = max(map(len, cells.values()))
    lines = [("defence", "attack", "adversary", *map(str, budgets))]
    heads = group_rows(rows_of_strongest(rows), "defence", "budget")
    for defence in distinct(rows, "defence"):
        means = (_entry(heads.get((defence, budget), []), seeds) for budget in budgets)
        lines.append((defence, "strongest", "of all", *means))
    for thief in group_rows(rows, "defence", "attack", "adversary"):
        means = (_entry(cells.get((*thief, budget), []), seeds) for budget in budgets)
        lines.append((*thief, *means))
    drawn = aligned(lines, left=3)
    if any("(" in entry for line in lines[1:] for entry in line[3:]):
        drawn.append(f"(n): mean of n seeds instead of {seeds}")
    return "\n".join(drawn)


def _entry(rows, seeds):
    if not rows:
        return "-"
    entry = f"{mean(map(agreement, rows)):.3f}"
    return entry if len(rows) == seeds else f"{entry} ({len(rows)})"
