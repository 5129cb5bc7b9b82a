"""What criteria measure: differences and query multipliers of thieves, with their intervals.

All of them are functions of the rows of a grid. Their intervals are those of
`attacks.report.statistics.comparison`: paired by replicate and test row. They cover 95%, unless
another `confidence` is asked for.
"""

from collections.abc import Callable, Iterable
import math
from typing import Any, NamedTuple

import numpy as np

from attacks.report.rows.rows import group_rows
from attacks.report.rows.rows import VICTIM
from attacks.report.rows.strongest import strongest
from attacks.report.statistics.comparison import compare
from attacks.report.statistics.replicates import estimate_difference
from attacks.report.statistics.replicates import estimate_level
from attacks.report.statistics.replicates import paired
from attacks.report.statistics.variance import crossed_mean
from attacks.report.verdict.verdict import Evidence

Rows = list[dict[str, Any]]


class Measure(NamedTuple):
    """A figure and the ends of its interval, `None` where an end is unknown."""
    mean: float
    low: float | None
    high: float | None

    def scaled(self, factor: float) -> "Measure":
        """The figure times a factor; a negative one exchanges the ends."""
        ends = [None if end is None else end * factor for end in (self.low, self.high)]
        return Measure(self.mean * factor, *(ends if factor >= 0 else reversed(ends)))


def select(rows: Iterable[dict[str, Any]], **columns: Any) -> Rows:
    """The rows whose columns have these values."""
    return [row for row in rows if all(row[name] == value for name, value in columns.items())]


def budgets_of(rows: Iterable[dict[str, Any]]) -> list[int]:
    """The budgets, ascending."""
    return sorted({row["budget"] for row in rows})


def difference(grid: Evidence, before: Rows, after: Rows, confidence: float = 0.95) -> Measure:
    """The mean agreement of `after` less that of `before`, over the replicates that both have."""
    sample = estimate_difference(*paired(before, after), grid.per_row)
    return _measure(sample.estimate, confidence)


def level(grid: Evidence, rows: Rows) -> Measure:
    """The mean agreement of one thief at one budget."""
    sample = estimate_level(rows, grid.per_row)
    return Measure(sample.mean, *sample.fraction_interval())


def best_of(rows: Rows, defence: str) -> Rows:
    """The rows of the strongest thief, chosen on the evaluator's validation rows.

    Args:
        rows: Rows of one budget.
        defence: The defence whose thieves compete.
    """
    mine = select(rows, defence=defence)
    return strongest(mine, defence).rows(mine)


def over_victims(rows: Rows,
                 value: Callable[[dict[str, Any]], float],
                 confidence: float = 0.95) -> Measure:
    """The mean over victims of what each row tells of its victim, such as its accuracy."""
    return _measure(_mean_over_victims(rows, value), confidence)


def fraction_over_victims(rows: Rows, column: str) -> Measure:
    """The mean over victims of a column of fractions, such as the victim's accuracy.

    Its interval stays inside [0, 1]; of one victim there is none.
    """
    estimate = _mean_over_victims(rows, lambda row: row[column])
    if estimate.variance is None:
        return _measure(estimate)
    return Measure(estimate.mean, *estimate.fraction_interval(rows[0]["evaluated_rows"]))


def losses(grid: Evidence, kind: str) -> dict[tuple[str, int], tuple[Measure, Measure]]:
    """What defences take off a thief, in points and as a fraction of its undefended agreement.

    Args:
        grid: The results.
        kind: `naive` or `strongest`.

    Returns:
        By thief and budget.
    """
    found = {}
    for row in _compared(grid, kind):
        ends = (row[f"difference{end}"] for end in ("", "_low_95", "_high_95"))
        points = Measure(*ends).scaled(-1)
        relative = points.scaled(1 / row["agreement_undefended"])
        found[f"{row['thief']}, {row['defence']}", row["budget"]] = points, relative
    return found


def multipliers(grid: Evidence,
                kind: str,
                confidence: float = 0.95) -> dict[tuple[str, int], Measure]:
    """How many times more queries a thief needs, by thief and budget, where this is known.

    The ends are `None` where the curves do not bound it. A multiplier that is a lower bound itself
    has no upper end.
    """
    found = {}
    for row in _compared(grid, kind, confidence):
        if row["query_multiplier"] is not None:
            ends = (row[f"query_multiplier{end}"] for end in ("", "_low_95", "_high_95"))
            found[f"{row['thief']}, {row['defence']}", row["budget"]] = Measure(*ends)
    return found


def together(count: int) -> float:
    """The confidence of each of several intervals that cover 95% all together (Bonferroni)."""
    return 1 - 0.05 / max(1, count)


def largest(measured: Callable[[float], list[Measure]]) -> Measure:
    """The largest of several figures, and the 95% interval of the largest true one.

    It ends at the largest of their upper ends. It starts at the largest of the lower ends of
    intervals that cover 95% all together, because one of many figures may be large by chance.

    Args:
        measured: The figures with intervals of a confidence. Of none, nothing is known.
    """
    figures = measured(0.95)
    if not figures:
        return Measure(math.nan, None, None)
    lows = [figure.low for figure in measured(together(len(figures))) if figure.low is not None]
    highs = [figure.high for figure in figures]
    mean = max(figure.mean for figure in figures)
    return Measure(mean, max(lows, default=None), None if None in highs else max(highs))


def as_defence(grid: Evidence, **thief: str) -> Evidence:
    """Undefended results in which one thief stands for the naive thief of a defended victim.

    `losses` and `multipliers` then measure what, for example, a thief who uses only labels loses.
    """
    undefended = select(grid.rows, defence="none")
    naive = select(undefended, adversary="probabilities")
    name = ", ".join(thief.values())
    others = [{**row, "defence": name, "adversary": "probabilities"}
              for row in select(undefended, **thief)]  # yapf: disable
    return Evidence([*naive, *others], grid.per_row, grid.missing)


def _mean_over_victims(rows, value):
    means = [np.mean(list(map(value, group))) for group in group_rows(rows, *VICTIM).values()]
    return crossed_mean(np.array(means), ["victims"])


def _compared(grid, kind, confidence=0.95):
    return [row for row in compare(grid.rows, grid.per_row, confidence) if row["kind"] == kind]


def _measure(estimate, confidence=0.95):
    return Measure(estimate.mean, *(estimate.interval(confidence) or (None, None)))
