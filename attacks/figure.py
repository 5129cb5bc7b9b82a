"""The figure of a run: agreement over queries."""

import io
import os
import pathlib
from typing import Any

import matplotlib.figure
import matplotlib.ticker
import numpy as np

from attacks.agreement import agreement
from attacks.agreement import reference
from attacks.strongest import rows_of_strongest
from models.files import write_atomically

_COLOURS = ("tab:blue", "tab:red", "tab:green", "tab:purple", "tab:orange", "tab:brown", "tab:pink",
            "tab:olive")
_PANELS_PER_ROW = 4
# Pairs of a line style and a marker: more of them than there are adversaries.
_STYLES = tuple((style, marker)
                for marker in ("o", "s", "^")
                for style in ("-", "--", "-.", ":", (0, (5, 1)), (0, (3, 1, 1, 1, 1, 1))))


def draw(flat: list[dict[str, Any]], directory: str | os.PathLike) -> pathlib.Path:
    """Writes `agreement.png`: the strongest thief tried, then a panel per attack.

    A panel has a line per defence and adversary, the first one a line per defence. The lines are
    means over the seeds, the bands reach from the lowest to the highest seed. The labels-only thief
    of the undefended victim is the reference, drawn in black.

    Args:
        flat: Rows as `attacks.report.rows` gives them.
        directory: Where the figure goes.
    """
    attacks, defences, adversaries = (list(dict.fromkeys(row[name]
                                                         for row in flat))
                                      for name in ("attack", "defence", "adversary"))
    adversaries.sort(key="labels".__eq__)  # the reference last
    rows = -(-(1 + len(attacks)) // _PANELS_PER_ROW)
    columns = min(1 + len(attacks), _PANELS_PER_ROW)
    figure = matplotlib.figure.Figure(figsize=(1.5 + 5 * columns, 0.8 + 4.2 * rows),
                                      layout="constrained")
    panels = figure.subplots(rows, columns, sharey=True, squeeze=False).ravel()
    budgets = sorted({row["budget"] for row in flat})
    _draw_strongest(panels[0], rows_of_strongest(flat), defences)
    _decorate(panels[0], "the strongest thief tried", budgets)
    for panel, attack in zip(panels[1:], attacks):
        _draw_thieves(panel, [row for row in flat if row["attack"] == attack], defences,
                      adversaries)
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


def _draw_strongest(panel, rows, defences):
    for defence, colour in zip(defences, _cycle(_COLOURS, defences)):
        series = _series([row for row in rows if row["defence"] == defence])
        colour = "black" if defence == "none" else colour
        _line(panel, series, f"{defence}, strongest thief", colour, ("-", "o"), 4, width=3)


def _draw_thieves(panel, rows, defences, adversaries):
    for adversary, style in zip(adversaries, _cycle(_STYLES, adversaries)):
        for defence, colour in zip(defences, _cycle(_COLOURS, defences)):
            series = _series(
                [row for row in rows if (row["defence"], row["adversary"]) == (defence, adversary)])
            if (defence, adversary) == ("none", "labels"):
                _line(panel, series, f"{defence}, {adversary}", "black", ((0, (1, 1)), "o"), 5)
            else:
                _line(panel, series, f"{defence}, {adversary}", colour, style, 3)


def _series(rows):
    """Budget to the agreements of its seeds."""
    series = {}
    for row in rows:
        series.setdefault(row["budget"], []).append(agreement(row))
    return dict(sorted(series.items()))


def _line(panel, series, label, colour, style, order, width=1.5):
    if not series:
        return
    budgets = list(series)
    panel.plot(budgets, [np.mean(values) for values in series.values()],
               color=colour,
               linestyle=style[0],
               linewidth=width,
               marker=style[1],
               markersize=3,
               label=label,
               zorder=order)
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


def _cycle(values, members):
    return [values[index % len(values)] for index in range(len(members))]


def _png(figure):
    buffer = io.BytesIO()
    # No time stamp and no version: the same cells give the same file.
    figure.savefig(buffer, format="png", dpi=150, metadata={"Software": None})
    return buffer.getvalue()
