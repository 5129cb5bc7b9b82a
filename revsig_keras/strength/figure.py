"""The frontier of strengths as a figure."""
import math
import os
from typing import Any, Mapping, Sequence

import matplotlib.figure

from revsig_keras.strength.code_row import CodeRow
from revsig_keras.strength.setting_row import SettingRow
from revsig_keras.strength.strength_row import StrengthRow

_AXES = {
    "l1": "mean L1 distance",
    "kl_nats": "mean KL(clean || defended) in nats",
    "ece": "expected calibration error",
    "auroc_loss": "loss of confidence AUROC",
    "ece_loss": "loss of calibration (ECE)",
    "brier_loss": "loss of Brier score",
}


def draw(rows: Sequence[StrengthRow], chosen: StrengthRow, limits: Mapping[str, float],
         path: str | os.PathLike[str]) -> None:
    """Draws the misleading KL over each other cost, a line per gamma; see `StrengthChoice.plot`."""
    costs = ["l1"] if chosen.ece is None else ["l1", "ece"]
    costs += [name for name in limits if name.endswith("_loss")]
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


def draw_bits(rows: Sequence[CodeRow], chosen: CodeRow, limits: Mapping[str, float],
              path: str | os.PathLike[str]) -> None:
    """Draws the costs of a coded defence over its bits; see `CodeChoice.plot`."""
    costs = ["auroc_loss", "ece_loss", "brier_loss"] if chosen.decoded is not None else ["l1"]
    _draw_values(rows, chosen, [row.bits for row in rows], ("bits", f"{chosen.bits} bits"), costs,
                 limits, path)


def draw_settings(rows: Sequence[SettingRow], chosen: SettingRow, parameter: str,
                  limits: Mapping[str, float], path: str | os.PathLike[str]) -> None:
    """Draws the costs of a defence over its parameter; see `SettingChoice.plot`."""
    values = [row.value or 0 for row in rows]
    names = (parameter, f"{parameter} = {chosen.value}")
    costs = ["l1"] if chosen.ece is None else ["l1", "ece"]
    _draw_values(rows, chosen, values, names, costs, limits, path)


def _draw_values(rows: Sequence[Any], chosen: Any, places: Sequence[float], names: tuple[str, str],
                 costs: Sequence[str], limits: Mapping[str, float],
                 path: str | os.PathLike[str]) -> None:
    """Draws costs over one parameter; `names` are those of the parameter and of the choice."""
    costs = [*costs, *(name for name in limits if name not in costs)]
    figure = matplotlib.figure.Figure(figsize=(1.5 + 3.5 * len(costs), 3.8), layout="constrained")
    panels = figure.subplots(1, len(costs), squeeze=False)[0]
    for panel, cost in zip(panels, costs):
        # Without a number there is no point.
        values = [math.nan if getattr(row, cost) is None else getattr(row, cost) for row in rows]
        panel.plot(places, values, marker="o", markersize=3)
        panel.plot(places[list(rows).index(chosen)],
                   values[list(rows).index(chosen)],
                   color="black",
                   linestyle="none",
                   marker="*",
                   markersize=13,
                   zorder=5,
                   label=f"chosen: {names[1]}")
        if cost in limits:
            panel.axhline(limits[cost], color="black", linestyle=":", label="limit")
        panel.set_xlabel(names[0])
        panel.set_ylabel(_AXES[cost])
        panel.grid(alpha=0.3)
    panels[0].legend(fontsize="small")
    figure.savefig(path, dpi=150)
