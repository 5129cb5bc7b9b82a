"""The figure of a claim, drawn for each of its runs."""

from collections.abc import Callable
from typing import NamedTuple

import matplotlib.figure

from attacks.report.figure import draw
from attacks.report.verdict.verdict import Evidence


class RunFigure(NamedTuple):
    """A figure of one run.

    Attributes:
        caption: What it shows.
        draw: Draws it from the results of a run.
    """
    caption: str
    draw: Callable[[Evidence], matplotlib.figure.Figure]


AGREEMENT = RunFigure("Agreement over queries", lambda grid: draw(grid.rows))
