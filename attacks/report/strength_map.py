"""The map of a defence over its two parameters, as colours and numbers."""

from collections.abc import Callable
from typing import Any

import matplotlib
import matplotlib.figure
import numpy as np

from attacks.report.rows.rows import defences_of
from attacks.report.rows.rows import mean_agreement
from attacks.report.rows.rows import mean_of
from attacks.report.rows.strongest import strongest
from revsig_keras.defences.catalogue import DEFENCES

Rows = list[dict[str, Any]]


def draw_strengths(rows: Rows, x: str = "gamma", y: str = "beta") -> matplotlib.figure.Figure:
    """Draws what a defence does over two of its parameters.

    Panels: the agreement of the naive and of the strongest thief, the L1 distance by which answers
    move, and the AUROC of their confidence for being right.

    Args:
        rows: Rows as `attacks.report.rows.summary.summary_rows` gives them, of one budget. Defences
            without these parameters are left out.
        x: The parameter along the horizontal axis.
        y: That along the vertical axis.

    Raises:
        ValueError: If no defence has both parameters.
    """
    places = {}
    for defence in defences_of(rows):
        options = DEFENCES.resolve(defence)[1]
        if x in options and y in options:
            places[defence] = options[x], options[y]
    if not places:
        raise ValueError(f"`rows` must have defences with {x} and {y}. Received: "
                         f"{', '.join(defences_of(rows)) or 'none'}")
    xs, ys = (sorted(set(values)) for values in zip(*places.values()))
    figure = matplotlib.figure.Figure(figsize=(8.4, 6.6), layout="constrained")
    for axis, (title, measure) in zip(figure.subplots(2, 2).ravel(), _panels().items()):
        values = np.full([len(ys), len(xs)], np.nan)
        for defence, (column, line) in places.items():
            mine = [row for row in rows if row["defence"] == defence]
            values[ys.index(line), xs.index(column)] = measure(mine)
        _draw_panel(axis, values, (xs, ys), (x, y), title)
    return figure


def _panels() -> dict[str, Callable[[Rows], float]]:
    """What is drawn of the rows of one defence, by title."""
    return {
        "agreement of the naive thief":
            lambda rows: mean_agreement(
                [row for row in rows if row["adversary"] == "probabilities"]),
        "agreement of the strongest thief":
            lambda rows: strongest(rows, rows[0]["defence"]).agreement,
        "L1 distance of the answers":
            lambda rows: mean_of(rows, "distortion_l1"),
        "AUROC of confidence":
            lambda rows: mean_of(rows, "confidence_auroc_defended"),
    }


def _draw_panel(axis, values, ticks, names, title):
    image = axis.imshow(values, origin="lower", aspect="auto", cmap="cividis")
    for (line, column), value in np.ndenumerate(values):
        if np.isfinite(value):
            axis.text(column, line, f"{value:.2f}", ha="center", va="center", fontsize=8,
                      color="black" if image.norm(value) > 0.5 else "white")  # yapf: disable
    axis.set_xticks(range(len(ticks[0])), [f"{value:g}" for value in ticks[0]])
    axis.set_yticks(range(len(ticks[1])), [f"{value:g}" for value in ticks[1]])
    axis.set_xlabel(names[0])
    axis.set_ylabel(names[1])
    axis.set_title(title, fontsize="medium")
    axis.figure.colorbar(image, ax=axis)
