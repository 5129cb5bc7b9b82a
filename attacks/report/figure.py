"""The figure of a run: agreement over queries, in small panels."""

import io
from typing import Any, NamedTuple

import matplotlib
import matplotlib.figure
import matplotlib.ticker
import numpy as np

from attacks.report.columns.columns import named
from attacks.report.columns.columns import SUMMARY
from attacks.report.rows.rows import agreement
from attacks.report.rows.rows import agreement_column
from attacks.report.rows.rows import distinct
from attacks.report.rows.rows import group_rows
from attacks.report.rows.rows import has_several_clones
from attacks.report.rows.rows import mark
from attacks.report.rows.rows import THIEF
from attacks.report.rows.rows import thief_name
from attacks.report.rows.rows import VICTIM
from attacks.report.rows.strongest import rows_of_strongest

Rows = list[dict[str, Any]]
# How a figure is written; times and versions are left out.
_FORMATS: dict[str, dict[str, Any]] = {
    "pdf": {"metadata": dict.fromkeys(("CreationDate", "Creator", "Producer"))},
    "png": {"metadata": {"Software": None}, "dpi": 88, "pil_kwargs": {"optimize": True}},
    "svg": {"metadata": dict.fromkeys(("Creator", "Date"))},
}  # yapf: disable
FORMATS = tuple(_FORMATS)
LEGEND_ENTRIES = 8
_PANELS_PER_ROW = 4
_STRONGEST = "the strongest thief"
_REFERENCE = "labels alone"
# Okabe and Ito's colours, which the colour-blind tell apart, from dark to light; with the markers
# and dashes, grey prints do too. The reference is black.
STYLES = (("#0072B2", "o", "-"), ("#D55E00", "s", "-"), ("#009E73", "^", "-."),
          ("#CC79A7", "D", ":"), ("#56B4E9", "v", "-"), ("#E69F00", "P", "-."), ("#7F7F7F", "X",
                                                                                 ":"))
_REFERENCE_STYLE = ("#000000", "", (0, (5, 2)))


class Panel(NamedTuple):
    """A panel: its title, and rows by the name of their line."""
    title: str
    lines: dict[str, Rows]


def draw(rows: Rows) -> matplotlib.figure.Figure:
    """Draws the strongest thief tried, then a panel for each thief.

    A panel has a line for each defence. The thief of the same attack that reads labels alone, the
    reference, is black and dashed in the panels of thieves. Where the defences are too many for a
    legend, there is a panel for each of them instead, with the naive and the strongest thief. Lines
    are means over the replicates, and bands reach from the lowest to the highest.

    Args:
        rows: Rows as `attacks.report.rows.summary.summary_rows` gives them.
    """
    defences = distinct(rows, "defence")
    panels = (_panels_by_thief if len(defences) < LEGEND_ENTRIES else _panels_by_defence)(rows)
    names = dict.fromkeys(name for panel in panels for name in panel.lines)
    styles = dict(zip((name for name in names if name != _REFERENCE), STYLES))
    styles[_REFERENCE] = _REFERENCE_STYLE
    figure, axes = _figure_of(len(panels))
    budgets = sorted(distinct(rows, "budget"))
    for axis, panel in zip(axes, panels):
        for name, group in panel.lines.items():
            _draw_line(axis, _series(group), name, styles[name])
        _decorate(axis, panel.title, budgets)
    figure.supylabel(agreement_column(rows[0]).head, fontsize=8)
    _add_legend(figure, axes)
    figure.suptitle(f"Stealing a classifier ({_victims(rows)})")
    return figure


def encoded(figure: matplotlib.figure.Figure, kind: str, source: str | None = None) -> bytes:
    """The figure as a file, without a time or a version: equal figures give equal bytes.

    Args:
        figure: The figure.
        kind: Member of `FORMATS`.
        source: What a PNG file names as its source. Defaults to `None`: nothing.

    Raises:
        ValueError: If the format is unknown.
    """
    if kind not in FORMATS:
        raise ValueError(f"`format` must be one of {', '.join(FORMATS)}. Received: {kind!r}")
    options, buffer = _FORMATS[kind], io.BytesIO()
    if source is not None:
        options = {**options, "metadata": {**options["metadata"], "Source": source}}
    with matplotlib.rc_context({"svg.hashsalt": "revsig_keras", "svg.fonttype": "none"}):
        figure.savefig(buffer, format=kind, **options)
    return buffer.getvalue()


def _panels_by_thief(rows):
    panels = [Panel(_STRONGEST, dict(_by_defence(rows_of_strongest(rows))))]
    names_clone = has_several_clones(rows)
    for (attack, adversary, architecture), group in group_rows(rows, *THIEF).items():
        lines = dict(_by_defence(group))
        if adversary != "labels":
            reference = _labels_alone(rows, attack, architecture)
            lines.update({_REFERENCE: reference} if reference else {})
        title = thief_name(group[0], names_clone) + mark(group[0])
        panels.append(Panel(title, lines))
    return panels


def _by_defence(rows):
    return (("no defence" if defence == "none" else defence, group)
            for (defence,), group in group_rows(rows, "defence").items())


def _labels_alone(rows, attack, architecture):
    """The labels-only thief of an attack on the undefended victim, or on the first defended one."""
    mine = [
        row for row in rows if (row["attack"], row["adversary"],
                                row["clone_architecture"]) == (attack, "labels", architecture)
    ]
    groups = group_rows(mine, "defence")
    return groups.get(("none",)) or next(iter(groups.values()), [])


def _panels_by_defence(rows):
    strongest = rows_of_strongest(rows)
    panels = []
    for (defence,), group in group_rows(rows, "defence").items():
        best = [row for row in strongest if row["defence"] == defence]
        attack = best[0]["attack"] if best else group[0]["attack"]
        alike = [row for row in group if row["attack"] == attack]
        lines = {
            _STRONGEST: best,
            "naive": [row for row in alike if row["adversary"] == "probabilities"],
            _REFERENCE: [row for row in alike if row["adversary"] == "labels"],
        }
        panels.append(Panel(defence, {name: line for name, line in lines.items() if line}))
    return panels


def _victims(rows):
    """The victims in words, and how many there are of one name."""
    groups = group_rows(rows, "dataset", "victim")
    counts = {name: len(group_rows(group, *VICTIM)) for name, group in groups.items()}
    return "; ".join(", ".join(name) + f", {count} victims" * (count > 1)
                     for name, count in sorted(counts.items()))


def _figure_of(panels):
    """An empty figure, and its panels; those of the grid that are not needed are switched off."""
    rows, columns = -(-panels // _PANELS_PER_ROW), min(panels, _PANELS_PER_ROW)
    figure = matplotlib.figure.Figure(figsize=(1 + 2.6 * max(2, columns), 1.6 + 1.9 * rows),
                                      layout="constrained")
    axes = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False).ravel()
    for unused in axes[panels:]:
        unused.set_axis_off()
    for lowest in axes[max(0, panels - columns):panels]:
        lowest.xaxis.set_tick_params(labelbottom=True)
        lowest.set_xlabel(named(SUMMARY, "budget").head, fontsize="small")
    return figure, axes[:panels]


def _series(rows):
    """The agreements of all replicates, by budget."""
    series = {}
    for row in rows:
        series.setdefault(row["budget"], []).append(agreement(row))
    return dict(sorted(series.items()))


def _draw_line(axis, series, label, style):
    budgets, values = list(series), series.values()
    colour, marker, dashes = style
    axis.plot(budgets,
              list(map(np.mean, values)),
              color=colour,
              marker=marker,
              linestyle=dashes,
              markersize=4,
              linewidth=1.5,
              label=label)
    axis.fill_between(budgets,
                      list(map(min, values)),
                      list(map(max, values)),
                      color=colour,
                      alpha=0.15,
                      linewidth=0)


def _decorate(axis, title, budgets):
    axis.set_title(title, fontsize=8)
    axis.set_xscale("log")
    # Texts that would touch are left out.
    span = np.log(budgets[-1] / budgets[0]) or 1.0
    marked = [budgets[0]]
    for budget in budgets[1:]:
        if np.log(budget / marked[-1]) > 0.17 * span:
            marked.append(budget)
    axis.set_xticks(marked, [f"{budget:,}" for budget in marked])
    axis.xaxis.set_minor_locator(matplotlib.ticker.NullLocator())
    axis.yaxis.set_major_formatter(matplotlib.ticker.PercentFormatter(1.0, decimals=0))
    axis.tick_params(labelsize="small")
    axis.grid(alpha=0.3)


def _add_legend(figure, axes):
    handles = {
        label: handle for axis in axes for handle, label in zip(*axis.get_legend_handles_labels())
    }
    # About 13 characters of a name are an inch wide, and a line's sample is as wide as 8.
    columns = int(13 * figure.get_figwidth() / (max(map(len, handles)) + 8))
    figure.legend(handles.values(),
                  handles.keys(),
                  loc="outside lower center",
                  ncols=max(1, min(4, columns, len(handles))),
                  fontsize="small",
                  title="mean; band: lowest to highest replicate",
                  title_fontsize="small")
