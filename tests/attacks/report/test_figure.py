"""The figure: the same for the same results, and every line can be told apart."""
import pathlib
import re

import pytest

from attacks.grid.registries import ADVERSARIES
from attacks.report import figure
from attacks.report.columns import named
from attacks.report.columns import SUMMARY
from tests.attacks.report.made_up import row
from tests.attacks.report.made_up import ROWS


def test_it_is_the_same_file_for_the_same_results():
    first = figure.png(figure.draw(ROWS))
    assert first.startswith(b"\x89PNG")
    assert figure.png(figure.draw(list(ROWS))) == first
    others = ROWS[:-2] + [row("rs", "labels", 200, 0, 0.1)]
    assert figure.png(figure.draw(others)) != first


def test_lines_are_told_apart_by_colour_and_style():
    """For as many adversaries as the registry and the panel have."""
    flagfile = pathlib.Path(__file__).parents[3] / "attacks" / "configs" / "mnist_panel.flags"
    members = re.search(r"--adversaries=(.*)", flagfile.read_text()).group(1).split(",")
    colours = figure.colours_of(list(dict.fromkeys([*members, *ADVERSARIES.names])))
    assert len(set(colours.values())) == len(colours) >= 13 and colours["labels"] == "black"
    styles = figure.styles_of(["rs", "none", "top_k"])
    assert len(set(styles.values())) == 3 and styles["none"] == "--"


@pytest.mark.parametrize("attacks", [("sample",), ("sample", "sample:augment=after", "jacobian"),
                                     ("sample", "a", "b", "c", "d")])
def test_it_has_a_panel_for_each_attack_and_one_for_the_strongest(attacks):
    rows = [row("none", "labels", 10, 0, 0.5, attack=attack) for attack in attacks]
    titles = [panel.get_title() for panel in figure.draw(rows).axes if panel.axison]
    assert titles == ["the strongest thief tried", *attacks]


@pytest.mark.parametrize("clean, column", [(0.5, "agreement_clean"), (None, "agreement_defended")])
def test_axes_are_named_by_the_columns(clean, column):
    rows = [row("none", "labels", 10, 0, clean, validation=0.5, agreement_defended=0.5)]
    panel = figure.draw(rows).axes[0]
    assert panel.get_xlabel() == named(SUMMARY, "budget").title
    assert panel.get_ylabel() == named(SUMMARY, column).title


def test_architectures_victims_and_controls_are_told():
    """The control is no thief, so that the first panel is of the other two."""
    rows = [row("none", "labels", 10, 0, 0.5), row("none", "independent", 10, 0, 0.9)]
    rows += [row("none", "labels", 10, 0, 0.6, clone_architecture="cnn", victim_fingerprint="w")]
    drawn = figure.draw(rows)
    assert drawn.get_suptitle() == "Stealing a classifier (digits, mlp, 2 victims)"
    legend = [text.get_text() for text in drawn.legends[0].get_texts()]
    assert legend == ["none, strongest thief", "none, labels, mlp",
                      "none, independent (control), mlp", "none, labels, cnn"]  # yapf: disable
    line, = drawn.axes[0].lines
    assert max(line.get_ydata()) == 0.6
