"""The figure of the query multipliers: how many times more queries a thief needs."""

from typing import Any

import matplotlib
import matplotlib.figure
import matplotlib.ticker

from attacks.report.columns.columns import named
from attacks.report.columns.columns import SUMMARY
from attacks.report.figure import STYLES
from attacks.report.rows.rows import group_rows
from attacks.report.statistics.comparison import compare
from attacks.report.statistics.per_row import PerRow

# How a multiplier is marked: as measured, as a lower or as an upper bound.
_MARKERS = {"=": "o", ">": "^", "<": "v"}


def draw_multipliers(rows: list[dict[str, Any]], per_row: PerRow) -> matplotlib.figure.Figure:
    """Draws how many times more queries each defence costs the naive and the strongest thief.

    A line for each defence and thief, over the queries that the thief needs without the defence;
    bars are 95% intervals, as far as their ends are known. A triangle that points up is a lower
    bound: with all queries that were tried, the thief does not get as far. One that points down is
    an upper bound. At 1 the defence costs no query.

    Args:
        rows: Rows as `attacks.report.rows.summary.summary_rows` gives them.
        per_row: The agreement by test row.
    """
    figure = matplotlib.figure.Figure(figsize=(6.4, 4.2), layout="constrained")
    axis = figure.subplots()
    curves = group_rows(compare(rows, per_row), "thief", "defence")
    for place, ((thief, defence), found) in enumerate(curves.items()):
        known = [row for row in found if row["query_multiplier"] is not None]
        _draw_curve(axis, known, f"{thief}, {defence}", place)
    axis.axhline(1, color="grey", linewidth=0.7)
    axis.set_xscale("log")
    axis.set_yscale("log")
    budgets = sorted({row["budget"] for row in rows})
    axis.set_xticks(budgets, [f"{budget:,}" for budget in budgets])
    axis.xaxis.set_minor_locator(matplotlib.ticker.NullLocator())
    for formatter in (axis.yaxis.set_major_formatter, axis.yaxis.set_minor_formatter):
        formatter(matplotlib.ticker.FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_xlabel(f"{named(SUMMARY, 'budget').head} without the defence")
    axis.set_ylabel("times more queries for the same agreement")
    axis.tick_params(labelsize="small", which="both")
    axis.grid(alpha=0.3)
    figure.legend(loc="outside lower center",
                  fontsize="small",
                  title="triangle up: at least; down: at most; bar: 95% interval",
                  title_fontsize="small")
    return figure


def _draw_curve(axis, found, label, place):
    """A curve, moved aside a little, so that the bars of several can be told apart."""
    colour, _, dashes = STYLES[place % len(STYLES)]
    xs = [row["budget"] * 1.04**place for row in found]
    axis.plot(xs, [row["query_multiplier"] for row in found],
              color=colour, linestyle=dashes, label=label)  # yapf: disable
    for x, row in zip(xs, found):
        axis.plot(x, row["query_multiplier"], color=colour, markersize=6,
                  marker=_MARKERS[row["query_multiplier_is"]])  # yapf: disable
        for end in (row["query_multiplier_low_95"], row["query_multiplier_high_95"]):
            if end is not None:
                axis.vlines(x, *sorted([end, row["query_multiplier"]]), color=colour, linewidth=0.9)
