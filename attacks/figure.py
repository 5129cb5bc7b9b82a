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
from models.files import write_atomically

_COLOURS = ("tab:blue", "tab:red", "tab:green", "tab:purple", "tab:orange", "tab:brown", "tab:pink",
            "tab:olive")
_STYLES = ("-", "--", "-.", ":")


def draw(flat: list[dict[str, Any]], directory: str | os.PathLike) -> pathlib.Path:
    """Writes `agreement.png`: a panel per attack, a line per defence and adversary.

    The lines are means over the seeds, the bands reach from the lowest to the highest seed. The
    labels-only thief of the undefended victim is the reference, drawn in black.

    Args:
        flat: Rows as `attacks.report.rows` gives them.
        directory: Where the figure goes.
    """
    attacks, defences, adversaries = (list(dict.fromkeys(row[name]
                                                         for row in flat))
                                      for name in ("attack", "defence", "adversary"))
    adversaries.sort(key="labels".__eq__)  # the reference last
    figure = matplotlib.figure.Figure(figsize=(1.5 + 5 * len(attacks), 4.6), layout="constrained")
    panels = figure.subplots(1, len(attacks), sharey=True, squeeze=False)[0]
    for panel, attack in zip(panels, attacks):
        for adversary, style in zip(adversaries, _cycle(_STYLES, adversaries)):
            for defence, colour in zip(defences, _cycle(_COLOURS, defences)):
                if (defence, adversary) == ("none", "labels"):
                    colour, style_now, order = "black", (0, (1, 1)), 5
                else:
                    style_now, order = style, 3
                _line(panel, _series(flat, attack, defence, adversary), f"{defence}, {adversary}",
                      colour, style_now, order)
        _decorate(panel, attack, sorted({row["budget"] for row in flat}))
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


def _series(flat, attack, defence, adversary):
    """Budget to the agreements of its seeds."""
    series = {}
    for row in flat:
        if (row["attack"], row["defence"], row["adversary"]) == (attack, defence, adversary):
            series.setdefault(row["budget"], []).append(agreement(row))
    return dict(sorted(series.items()))


def _line(panel, series, label, colour, style, order):
    if not series:
        return
    budgets = list(series)
    panel.plot(budgets, [np.mean(values) for values in series.values()],
               color=colour,
               linestyle=style,
               marker="o",
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
