"""The figure of a run: agreement over queries."""

import io
import itertools
import os
import pathlib
from typing import Any

import matplotlib
import matplotlib.figure
import matplotlib.ticker
import numpy as np

from attacks.evaluation.agreement import agreement
from attacks.evaluation.agreement import reference
from attacks.report.strongest import by
from attacks.report.strongest import rows_of_strongest
from models.processes.files import write_atomically

_PANELS_PER_ROW = 4
# Of defences: dashes without one, then solid and so on.
_STYLES = ("-", ":", "-.", (0, (5, 1)), (0, (3, 1, 1, 1, 1, 1)))
_UNDEFENDED = "--"


def draw(flat: list[dict[str, Any]], directory: str | os.PathLike) -> pathlib.Path:
    """Writes `agreement.png`: the strongest thief tried, then a panel per attack.

    A panel has a line per defence and adversary, the first one a line per defence: the line style
    tells the defence, the colour the adversary. The lines are means over the seeds, the bands reach
    from the lowest to the highest seed. The labels-only thief, the reference, is drawn in black.

    Args:
        flat: Rows as `attacks.report.report.rows` gives them.
        directory: Where the figure goes.
    """
    attacks, defences, adversaries = (list(dict.fromkeys(row[name]
                                                         for row in flat))
                                      for name in ("attack", "defence", "adversary"))
    rows = -(-(1 + len(attacks)) // _PANELS_PER_ROW)
    columns = min(1 + len(attacks), _PANELS_PER_ROW)
    figure = matplotlib.figure.Figure(figsize=(1.5 + 5 * columns, 0.8 + 4.2 * rows),
                                      layout="constrained")
    panels = figure.subplots(rows, columns, sharey=True, squeeze=False).ravel()
    budgets = sorted({row["budget"] for row in flat})
    styles, colours = styles_of(defences), colours_of(adversaries)
    _draw_strongest(panels[0], rows_of_strongest(flat), styles)
    _decorate(panels[0], "the strongest thief tried", budgets)
    for panel, attack in zip(panels[1:], attacks):
        _draw_thieves(panel, [row for row in flat if row["attack"] == attack], styles, colours)
        _decorate(panel, attack, budgets)
    for panel in panels[1 + len(attacks):]:
        panel.set_axis_off()
    panels[0].set_ylabel(f"agreement with {reference(flat[0])} (test)")
    handles = {
        label: handle for panel in panels
        for handle, label in zip(*panel.get_legend_handles_labels())
    }
    figure.legend(handles.values(),
                  handles.keys(),
                  loc="outside lower center",
                  ncols=2,
                  fontsize="small",
                  title="defence, adversary (band: lowest to highest seed)",
                  title_fontsize="small")
    names = ", ".join(sorted({f"{row['dataset']}, {row['victim']}" for row in flat}))
    figure.suptitle(f"Stealing a classifier ({names})")
    path = pathlib.Path(directory, "agreement.png")
    write_atomically(path, _png(figure), overwrite=True)
    return path


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
    return {**dict(zip(others, order)), **{"labels": "black"}}


def _draw_strongest(panel, rows, styles):
    for defence, style in styles.items():
        series = _series([row for row in rows if row["defence"] == defence])
        _line(panel, series, f"{defence}, strongest thief", "black", style, width=3)


def _draw_thieves(panel, rows, styles, colours):
    for (defence, adversary), of_it in by(rows, "defence", "adversary").items():
        _line(panel, _series(of_it), f"{defence}, {adversary}", colours[adversary], styles[defence])


def _series(rows):
    """Budget to the agreements of its seeds."""
    series = {}
    for row in rows:
        series.setdefault(row["budget"], []).append(agreement(row))
    return dict(sorted(series.items()))


def _line(panel, series, label, colour, style, width=1.5):
    if not series:
        return
    budgets = list(series)
    panel.plot(budgets, [np.mean(values) for values in series.values()],
               color=colour,
               linestyle=style,
               linewidth=width,
               marker="o",
               markersize=3,
               label=label)
    panel.fill_between(budgets, [min(values) for values in series.values()],
                       [max(values) for values in series.values()],
                       color=colour,
                       alpha=0.15,
                       linewidth=0)


def _decorate(panel, attack, budgets):
    panel.set_title(attack, fontsize="medium")
    panel.set_xscale("log")
    panel.set_xticks(budgets, [str(budget) for budget in budgets])
    panel.xaxis.set_minor_locator(matplotlib.ticker.NullLocator())
    panel.set_xlabel("queries (distinct rows)")
    panel.grid(alpha=0.3)


def _png(figure):
    buffer = io.BytesIO()
    # No time stamp and no version: the same cells give the same file.
    figure.savefig(buffer, format="png", dpi=150, metadata={"Software": None})
    return buffer.getvalue()
