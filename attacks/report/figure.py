"""The figure of a run: agreement over queries."""

import io
import itertools
from typing import Any

import matplotlib
import matplotlib.figure
import matplotlib.ticker
import numpy as np

from attacks.report.columns import named
from attacks.report.columns import SUMMARY
from attacks.report.rows import agreement
from attacks.report.rows import agreement_column
from attacks.report.rows import distinct
from attacks.report.rows import group_rows
from attacks.report.rows import has_several_clones
from attacks.report.rows import is_control
from attacks.report.rows import VICTIM
from attacks.report.strongest import rows_of_strongest

_PANELS_PER_ROW = 4
# Of defences, in this order; `none` has dashes.
_STYLES = ("-", ":", "-.", (0, (5, 1)), (0, (3, 1, 1, 1, 1, 1)))
_UNDEFENDED = "--"


def draw(rows: list[dict[str, Any]]) -> matplotlib.figure.Figure:
    """Draws the strongest thief tried, then a panel for each attack.

    A panel has a line for each defence and adversary (and architecture of the clones, where there
    are several), the first panel one for each defence: the line style tells the defence, the colour
    the adversary. Lines are means over the replicates, bands reach from the lowest to the highest.
    The labels-only thief, the reference, is black.

    Args:
        rows: Rows as `attacks.report.summary.summary_rows` gives them.
    """
    strongest = rows_of_strongest(rows)
    names_clone = has_several_clones(rows)
    rows = [{**row, "adversary": _adversary_name(row, names_clone)} for row in rows]
    attacks, defences, adversaries = (
        distinct(rows, kind) for kind in ("attack", "defence", "adversary"))
    figure, panels = _figure_of(1 + len(attacks))
    styles, colours = styles_of(defences), colours_of(adversaries)
    _draw_strongest(panels[0], strongest, styles)
    for panel, attack in zip(panels[1:], attacks):
        _draw_thieves(panel, [row for row in rows if row["attack"] == attack], styles, colours)
    budgets = sorted(distinct(rows, "budget"))
    for panel, title in zip(panels, ["the strongest thief tried", *attacks]):
        _decorate(panel, title, budgets)
    panels[0].set_ylabel(agreement_column(rows[0]).head)
    _add_legend(figure, panels)
    figure.suptitle(f"Stealing a classifier ({_victims(rows)})")
    return figure


def png(figure: matplotlib.figure.Figure) -> bytes:
    """The figure as a PNG file, without a time or a version: equal figures give equal bytes."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=150, metadata={"Software": None})
    return buffer.getvalue()


def styles_of(defences: list[str]) -> dict[str, Any]:
    """A line style for each defence."""
    defended = [defence for defence in defences if defence != "none"]
    styles = dict(zip(defended, itertools.cycle(_STYLES)))
    return {defence: styles.get(defence, _UNDEFENDED) for defence in defences}


def colours_of(adversaries: list[str]) -> dict[str, Any]:
    """A colour for each adversary, up to 20 different ones."""
    others = [adversary for adversary in adversaries if adversary != "labels"]
    palette = matplotlib.colormaps["tab20"].colors
    order = itertools.cycle([*palette[0::2], *palette[1::2]])
    return {**dict(zip(others, order)), "labels": "black"}


def _adversary_name(row, names_clone):
    name = row["adversary"] + " (control)" * is_control(row)
    return f"{name}, {row['clone_architecture']}" if names_clone else name


def _victims(rows):
    """The victims in words, and how many there are of one name."""
    groups = group_rows(rows, "dataset", "victim")
    counts = {name: len(group_rows(group, *VICTIM)) for name, group in groups.items()}
    return "; ".join(", ".join(name) + f", {count} victims" * (count > 1)
                     for name, count in sorted(counts.items()))


def _figure_of(panels):
    """An empty figure, and its panels; those of the grid that are not needed are switched off."""
    rows, columns = -(-panels // _PANELS_PER_ROW), min(panels, _PANELS_PER_ROW)
    figure = matplotlib.figure.Figure(figsize=(1.5 + 5 * columns, 0.8 + 4.2 * rows),
                                      layout="constrained")
    axes = figure.subplots(rows, columns, sharey=True, squeeze=False).ravel()
    for unused in axes[panels:]:
        unused.set_axis_off()
    return figure, axes[:panels]


def _draw_strongest(panel, rows, styles):
    for defence, style in styles.items():
        series = _series([row for row in rows if row["defence"] == defence])
        _draw_line(panel,
                   series,
                   f"{defence}, strongest thief",
                   color="black",
                   linestyle=style,
                   linewidth=3)


def _draw_thieves(panel, rows, styles, colours):
    for (defence, adversary), group in group_rows(rows, "defence", "adversary").items():
        _draw_line(panel,
                   _series(group),
                   f"{defence}, {adversary}",
                   color=colours[adversary],
                   linestyle=styles[defence],
                   linewidth=1.5)


def _series(rows):
    """The agreements of all replicates, by budget."""
    series = {}
    for row in rows:
        series.setdefault(row["budget"], []).append(agreement(row))
    return dict(sorted(series.items()))


def _draw_line(panel, series, label, **style):
    if not series:
        return
    budgets, values = list(series), series.values()
    panel.plot(budgets, list(map(np.mean, values)), marker="o", markersize=3, label=label, **style)
    panel.fill_between(budgets,
                       list(map(min, values)),
                       list(map(max, values)),
                       color=style["color"],
                       alpha=0.15,
                       linewidth=0)


def _decorate(panel, title, budgets):
    panel.set_title(title, fontsize="medium")
    panel.set_xscale("log")
    panel.set_xticks(budgets, [str(budget) for budget in budgets])
    panel.xaxis.set_minor_locator(matplotlib.ticker.NullLocator())
    panel.set_xlabel(named(SUMMARY, "budget").head)
    panel.grid(alpha=0.3)


def _add_legend(figure, panels):
    handles = {
        label: handle for panel in panels
        for handle, label in zip(*panel.get_legend_handles_labels())
    }
    figure.legend(handles.values(),
                  handles.keys(),
                  loc="outside lower center",
                  ncols=2,
                  fontsize="small",
                  title="defence, adversary (band: lowest to highest replicate)",
                  title_fontsize="small")
