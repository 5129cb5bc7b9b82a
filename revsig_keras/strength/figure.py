"""The frontier of strengths as a figure."""
import pathlib

import matplotlib.figure

from revsig_keras.strength.table import StrengthChoice

_AXES = {
    "l1": "mean L1 distance",
    "kl_nats": "mean KL(clean || defended) in nats",
    "ece": "expected calibration error",
}


def draw(choice: StrengthChoice, path: str | pathlib.Path) -> None:
    """Draws the misleading KL over each other cost, a line per gamma; see `StrengthChoice.plot`."""
    costs = ["l1"] if choice.clean_ece is None else ["l1", "ece"]
    figure = matplotlib.figure.Figure(figsize=(1.5 + 4.5 * len(costs), 4.2), layout="constrained")
    panels = figure.subplots(1, len(costs), sharey=True, squeeze=False)[0]
    for panel, cost in zip(panels, costs):
        for gamma in dict.fromkeys(row.gamma for row in choice.rows):
            rows = [row for row in choice.rows if row.gamma == gamma]
            panel.plot([getattr(row, cost) for row in rows], [row.kl_nats for row in rows],
                       marker="o",
                       markersize=3,
                       label=f"gamma = {gamma:g}")
        panel.plot(getattr(choice.row, cost),
                   choice.row.kl_nats,
                   color="black",
                   linestyle="none",
                   marker="*",
                   markersize=13,
                   zorder=5,
                   label=f"chosen: beta = {choice.beta:g}, gamma = {choice.gamma:g}")
        if cost in choice.limits:
            panel.axvline(choice.limits[cost], color="black", linestyle=":", label="limit")
        if "kl_nats" in choice.limits:
            panel.axhline(choice.limits["kl_nats"], color="black", linestyle=":", label="limit")
        panel.set_xlabel(_AXES[cost])
        panel.grid(alpha=0.3)
    panels[0].set_ylabel(_AXES["kl_nats"])
    panels[0].legend(fontsize="small")
    figure.savefig(path, dpi=150)
