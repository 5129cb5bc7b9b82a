"""The frontier of strengths as a figure."""
import pathlib
from typing import Any, Mapping, Sequence

import matplotlib.figure

from revsig_keras.strength.row import StrengthRow

_AXES = {
    "l1": "mean L1 distance",
    "kl_nats": "mean KL(clean || defended) in nats",
    "ece": "expected calibration error",
}


def draw(rows: Sequence[StrengthRow], chosen: StrengthRow, limits: Mapping[str, float],
         path: str | pathlib.Path) -> None:
    """Draws the misleading KL over each other cost, a line per gamma; see `StrengthChoice.plot`."""
    costs = ["l1"] if chosen.ece is None else ["l1", "ece"]
    figure = matplotlib.figure.Figure(figsize=(1.5 + 4.5 * len(costs), 4.2), layout="constrained")
    panels = figure.subplots(1, len(costs), sharey=True, squeeze=False)[0]
    for panel, cost in zip(panels, costs):
        _draw_frontier(panel, cost, rows, chosen)
        if cost in limits:
            panel.axvline(limits[cost], color="black", linestyle=":", label="limit")
        if "kl_nats" in limits:
            panel.axhline(limits["kl_nats"], color="black", linestyle=":", label="limit")
        panel.set_xlabel(_AXES[cost])
        panel.grid(alpha=0.3)
    panels[0].set_ylabel(_AXES["kl_nats"])
    panels[0].legend(fontsize="small")
    figure.savefig(path, dpi=150)


def _draw_frontier(panel: Any, cost: str, rows: Sequence[StrengthRow], chosen: StrengthRow) -> None:
    for gamma in dict.fromkeys(row.gamma for row in rows):
        line = [row for row in rows if row.gamma == gamma]
        panel.plot([getattr(row, cost) for row in line], [row.kl_nats for row in line],
                   marker="o",
                   markersize=3,
                   label=f"gamma = {gamma:g}")
    panel.plot(getattr(chosen, cost),
               chosen.kl_nats,
               color="black",
               linestyle="none",
               marker="*",
               markersize=13,
               zorder=5,
               label=f"chosen: beta = {chosen.beta:g}, gamma = {chosen.gamma:g}")
