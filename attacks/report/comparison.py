"""What a defence costs a thief: differences that are paired by seed, and query multipliers."""

import csv
import io
import math
import os
import pathlib
from typing import Any

import numpy as np
from scipy import stats

from attacks.evaluation.agreement import agreement
from attacks.report.strongest import by
from attacks.report.strongest import mean
from attacks.report.strongest import rows_of_strongest
from attacks.report.text_table import aligned
from models.processes.files import write_atomically

COLUMNS = ("defence", "thief", "budget", "seeds", "undefended_by", "defended_by",
           "agreement_undefended", "agreement_defended", "difference", "difference_low_95",
           "difference_high_95", "query_multiplier", "query_multiplier_is")

# Two fitted agreements that differ by less are the same, to rounding.
_ROUNDING = 1e-9


def write(flat: list[dict[str, Any]], directory: str | os.PathLike) -> None:
    """Writes `comparisons.csv`: what `comparisons` returns."""
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(comparisons(flat))
    write_atomically(pathlib.Path(directory, "comparisons.csv"), buffer.getvalue(), overwrite=True)


def comparisons(flat: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Each defence against none, thief by thief and budget by budget.

    Naive against naive, for each attack, and strongest against strongest, where either side is the
    strongest thief of its budget. Only seeds count that both sides have: equal seeds have the same
    queries (of an attack that does not adapt) and the same initial weights, so that the difference
    is taken seed by seed, and its 95% interval is Student's, None for one seed.

    The query multiplier says how many times more queries the thief of the defended victim needs
    until it agrees as often as the one of the undefended victim does with this budget; see
    `query_multiplier`.

    Args:
        flat: Rows as `attacks.report.report.rows` gives them.

    Returns:
        Dicts of `COLUMNS`.
    """
    naive = [row for row in flat if row["adversary"] == "probabilities"]
    sides = {f"naive, {attack}": rows for (attack,), rows in by(naive, "attack").items()}
    sides["strongest"] = rows_of_strongest(flat)
    defences = [defence for (defence,) in by(flat, "defence") if defence != "none"]
    return [
        compared for defence in defences for thief, rows in sides.items()
        for compared in _compared(rows, defence, thief)
    ]


def query_multiplier(budgets: list[int], undefended: list[float], defended: list[float],
                     budget: int) -> tuple[float, str]:
    """How many times more queries until the same agreement.

    Both curves are fitted by monotone (isotonic) ones over the logarithm of the budget, linear
    between the budgets. The multiplier is the first budget at which the defended curve reaches
    what the undefended one has at `budget`, over the first at which the undefended one does: less
    than `budget` on a plateau. So of equal curves it is 1 everywhere.

    >>> query_multiplier([10, 20, 40], [0.5, 0.7, 0.8], [0.3, 0.5, 0.7], 20)
    (2.0, '=')

    Args:
        budgets: Ascending.
        undefended: Agreements at these budgets.
        defended: Likewise.
        budget: One of `budgets`.

    Returns:
        The multiplier and `=`; or what the largest budget makes it and `>`, where the defended
        curve does not get there; or what the smallest one makes it and `<`, where the defended
        curve begins above.
    """
    from sklearn.isotonic import IsotonicRegression  # Slow to import, so not before it is needed.

    logs = np.log(budgets)
    fitted, reached = (
        IsotonicRegression().fit_transform(logs, curve) for curve in (undefended, defended))
    level = fitted[budgets.index(budget)]
    needed = _first_crossing(logs, fitted, level)
    if reached[-1] < level - _ROUNDING:
        return math.exp(logs[-1] - needed), ">"
    crossing = _first_crossing(logs, reached, level)
    bound = "<" if reached[0] > level + _ROUNDING else "="
    return math.exp(crossing - needed), bound


def _first_crossing(logs, curve, level):
    """The logarithm of the first budget at which a monotone curve reaches a level that it does."""
    first = int(np.argmax(curve >= level - _ROUNDING))
    if first == 0:
        return logs[0]
    low, high = curve[first - 1:first + 1]
    return logs[first - 1] + min(1.0,
                                 (level - low) / (high - low)) * (logs[first] - logs[first - 1])


def difference(undefended: list[float],
               defended: list[float]) -> tuple[float, float | None, float | None]:
    """Mean of `defended - undefended`, seed by seed, and its 95% interval (Student's t)."""
    differences = np.subtract(defended, undefended)
    centre, seeds = float(differences.mean()), len(differences)
    if seeds < 2:
        return centre, None, None
    error = stats.t.ppf(0.975, seeds - 1) * differences.std(ddof=1) / math.sqrt(seeds)
    return centre, centre - float(error), centre + float(error)


def text(flat: list[dict[str, Any]]) -> str:
    """The comparisons as a table, empty where there is nothing to compare."""
    lines = [_line(compared) for compared in comparisons(flat)]
    head = ("defence", "thief", "queries", "undefended", "defended", "difference", "95% interval",
            "queries needed")
    return "\n".join(aligned([head, *lines], left=2)) if lines else ""


def _compared(rows, defence, thief):
    """The comparisons of one kind of thief, a dict per budget that both sides have."""
    sides = [_by_budget_and_seed(rows, name) for name in ("none", defence)]
    seeds = {}
    for budget in sorted(sides[0].keys() & sides[1].keys()):
        if common := sides[0][budget].keys() & sides[1][budget].keys():
            seeds[budget] = sorted(common)
    budgets = list(seeds)
    curves = [[[agreement(side[budget][seed])
                for seed in seeds[budget]]
               for budget in budgets]
              for side in sides]
    means = [list(map(mean, curve)) for curve in curves]
    for index, budget in enumerate(budgets):
        names = [_name(side[budget]) for side in sides]
        values = (defence, thief, budget, len(seeds[budget]), *names, means[0][index],
                  means[1][index], *difference(curves[0][index], curves[1][index]),
                  *query_multiplier(budgets, *means, budget))
        yield dict(zip(COLUMNS, values, strict=True))


def _by_budget_and_seed(rows, defence):
    budgets = by([row for row in rows if row["defence"] == defence], "budget")
    return {budget: {row["seed"]: row for row in group} for (budget,), group in budgets.items()}


def _name(by_seed):
    row = next(iter(by_seed.values()))
    return f"{row['adversary']}, {row['attack']}"


def _line(compared):
    low, high = compared["difference_low_95"], compared["difference_high_95"]
    bound = compared["query_multiplier_is"].replace("=", "")
    return (compared["defence"], compared["thief"], str(compared["budget"]),
            f"{compared['agreement_undefended']:.3f}", f"{compared['agreement_defended']:.3f}",
            f"{compared['difference']:+.3f}", "-" if low is None else f"{low:+.3f} to {high:+.3f}",
            f"{bound}{compared['query_multiplier']:.2g} x")
