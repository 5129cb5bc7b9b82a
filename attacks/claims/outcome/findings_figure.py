"""The figure of the findings of a claim."""

from collections.abc import Sequence

import matplotlib
import matplotlib.figure

from attacks.claims.criterion.finding import Finding

# By `Finding.holds`: Okabe and Ito's colours, which the colour-blind tell apart.
_STYLES = {
    True: ("#009E73", "o", "as the claim says"),
    False: ("#D55E00", "X", "not so"),
    None: ("#7F7F7F", "s", "open"),
}
# Findings in this format are ratios.
_RATIO = ".3g"


def draw_findings(findings: Sequence[Finding]) -> matplotlib.figure.Figure:
    """Draws the findings that decide a claim: figures, their 95% intervals, and the limits.

    A panel for each kind of figure, with a line for each finding and dashes at the limits. Ratios
    have a logarithmic axis.

    Args:
        findings: Findings with limits, at least one.
    """
    forms = list(dict.fromkeys(finding.form for finding in findings))
    panels = [[finding for finding in findings if finding.form == form] for form in forms]
    figure = matplotlib.figure.Figure(figsize=(10, 1.2 + 0.7 * len(panels) + 0.19 * len(findings)),
                                      layout="constrained")
    axes = figure.subplots(len(panels),
                           squeeze=False,
                           height_ratios=[2 + len(panel) for panel in panels])
    for axis, panel in zip(axes.ravel(), panels):
        _draw_panel(axis, panel)
    handles = {
        label: handle for axis in axes.ravel()
        for handle, label in zip(*axis.get_legend_handles_labels())
    }
    figure.legend(handles.values(), handles.keys(), loc="outside lower center", ncols=3,
                  fontsize="small", title="dashes: the limits; bars: 95% intervals",
                  title_fontsize="small")  # yapf: disable
    return figure


def _draw_panel(axis, findings):
    for line, finding in enumerate(findings):
        colour, marker, label = _STYLES[finding.holds]
        mean, low, high = finding.measure
        axis.plot(mean, line, color=colour, marker=marker, linestyle="none", markersize=5,
                  label=label)  # yapf: disable
        axis.hlines(line, mean if low is None else low, mean if high is None else high,
                    color=colour, linewidth=1.2)  # yapf: disable
        for limit in set(finding.limits) - {None}:
            axis.vlines(limit, line - 0.5, line + 0.5, color="black", linewidth=1, linestyle="--")
    axis.set_yticks(range(len(findings)), [finding.subject for finding in findings])
    axis.set_ylim(len(findings) - 0.5, -0.5)
    axis.tick_params(labelsize=7)
    axis.grid(axis="x", alpha=0.3)
    if findings[0].form == _RATIO:
        axis.set_xscale("log")
