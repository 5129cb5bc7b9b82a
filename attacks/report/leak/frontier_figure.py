"""The figure of the frontier."""

from typing import Any

import matplotlib
import matplotlib.figure

from attacks.report.columns.columns import named
from attacks.report.columns.leak_columns import FRONTIER
from attacks.report.rows.rows import distinct

_COSTS = ("l1", "auroc_lost")
_MARKERS = "os^Dv<>PX*"


def draw_frontier(rows: list[dict[str, Any]]) -> matplotlib.figure.Figure:
    """Draws what honest users lose against what the strongest thief keeps.

    A panel for each budget and each cost, with a mark for each defence; the nearer to the lower
    left corner, the better for the owner. On the line at 0, a thief has what labels give; on the
    dashed line it keeps the undefended advantage whole. Crosses are 95% intervals. A hollow mark
    shows the cost to a client that decodes coded answers.

    Args:
        rows: What `attacks.report.leak.frontier.frontier` returns.

    Raises:
        ValueError: If no row tells a cost.
    """
    budgets = sorted(distinct(rows, "budget"))
    costs = [cost for cost in _COSTS if any(row[cost] is not None for row in rows)]
    if not costs:
        raise ValueError("The results must tell what honest users lose, as those of older versions "
                         "do not. Received: none that do")
    figure = matplotlib.figure.Figure(figsize=(1 + 5 * len(budgets), 2 + 3.6 * len(costs)),
                                      layout="constrained")
    panels = figure.subplots(len(costs), len(budgets), sharey=True, squeeze=False)
    styles = _styles(rows)
    for cost, line in zip(costs, panels):
        for budget, panel in zip(budgets, line):
            _draw_panel(panel, [row for row in rows if row["budget"] == budget], cost, styles)
            panel.set_title(f"{budget:,} queries", fontsize="medium")
        line[0].set_ylabel("agreement less that of labels alone")
    handles, labels = panels[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3, fontsize="small",
                  title="defence (hollow: as decoded)", title_fontsize="small")  # yapf: disable
    figure.suptitle(f"What honest users lose, and what a thief keeps ({rows[0]['dataset']})")
    return figure


def _styles(rows):
    """A colour for each kind of defence, and a marker for each of its members."""
    colours, styles = matplotlib.colormaps["tab10"].colors, {}
    kinds: dict[str, list[str]] = {}
    for defence in distinct(rows, "defence"):
        kinds.setdefault(defence.partition(":")[0], []).append(defence)
    for place, members in enumerate(kinds.values()):
        for index, defence in enumerate(members):
            styles[defence] = {
                "color": colours[place % len(colours)],
                "marker": _MARKERS[index % len(_MARKERS)]
            }
    return styles


def _draw_panel(panel, rows, cost, styles):
    for row in rows:
        if row[cost] is None:
            continue
        style, decoded = styles[row["defence"]], row[f"{cost}_decoded"]
        panel.errorbar(row[cost],
                       row["advantage"],
                       xerr=_distances(row, cost),
                       yerr=_distances(row, "advantage"),
                       label=row["defence"],
                       linestyle="none",
                       elinewidth=0.7,
                       **style)
        if decoded is not None:
            panel.plot(decoded, row["advantage"], linestyle="none", markerfacecolor="none", **style)
    panel.axhline(0, color="grey", linewidth=0.7)
    for undefended in (row for row in rows if row["defence"] == "none"):
        panel.axhline(undefended["advantage"], color="grey", linewidth=0.7, linestyle="--")
    panel.set_xlabel(f"{named(FRONTIER, cost).head} ({named(FRONTIER, cost).unit})")
    panel.grid(alpha=0.3)


def _distances(row, name):
    """From the mean to the ends of its interval, as Matplotlib takes them; `None` without ends."""
    low, high = row[f"{name}_low_95"], row[f"{name}_high_95"]
    return None if low is None else [[row[name] - low], [high - row[name]]]
