"""The figure: the same for the same results, and every line can be told apart."""
import itertools
import xml.dom.minidom

import matplotlib.colors
import pytest

from attacks.report import figure
from attacks.report.columns.columns import named
from attacks.report.columns.columns import SUMMARY
from tests.attacks.report.made_up import row
from tests.attacks.report.made_up import ROWS

MANY = [f"d{i}" for i in range(18)]


def shown(drawn):
    """The panels by title."""
    return {panel.get_title(): panel for panel in drawn.axes if panel.axison}


def legend(drawn):
    return [text.get_text() for text in drawn.legends[0].get_texts()]


@pytest.mark.parametrize("kind, start", [("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF")])
def test_it_is_the_same_file_for_the_same_results(kind, start):
    first = figure.encoded(figure.draw(ROWS), kind)
    assert first.startswith(start)
    assert figure.encoded(figure.draw(list(ROWS)), kind) == first
    others = ROWS[:-2] + [row("rs", "labels", 200, 0, 0.1)]
    assert figure.encoded(figure.draw(others), kind) != first


def test_texts_of_an_svg_can_be_read():
    document = xml.dom.minidom.parseString(figure.encoded(figure.draw(ROWS), "svg"))
    texts = [node.firstChild.nodeValue for node in document.getElementsByTagName("text")]
    assert {"no defence", "rs", "labels alone"} <= set(texts)


def test_an_unknown_format_is_refused():
    with pytest.raises(ValueError, match="`format` must be one of pdf, png, svg. Received: 'gif'"):
        figure.encoded(figure.draw(ROWS), "gif")


@pytest.mark.parametrize("defences, titles", [
    (["none", "rs"], ["the strongest thief", "probabilities, sample", "labels, sample"]),
    (["none", *MANY], ["none", *MANY]),
])
def test_it_has_small_panels_and_a_short_legend(defences, titles):
    rows = [row(defence, adversary, budget, 0, 0.5)
            for defence in defences for adversary in ("probabilities", "labels")
            for budget in (10, 20)]  # yapf: disable
    drawn = figure.draw(rows)
    assert list(shown(drawn)) == titles
    assert len(legend(drawn)) <= figure.LEGEND_ENTRIES


def test_lines_differ_in_grey_too():
    """By marker or dashes; and the colours of two lines have different lightness or hue."""
    defences = ["none", *MANY[:6]]
    rows = [row(defence, adversary, 10, 0, 0.5)
            for defence in defences for adversary in ("bayes", "labels")]  # yapf: disable
    panel = shown(figure.draw(rows))["bayes, sample"]
    styles = [(line.get_marker(), str(line.get_linestyle())) for line in panel.lines]
    assert len(set(styles)) == len(styles) == 8
    colours = [matplotlib.colors.to_rgb(line.get_color()) for line in panel.lines]
    assert all(
        max(abs(a - b) for a, b in zip(*pair)) > 0.1 for pair in itertools.combinations(colours, 2))


def test_the_labels_alone_are_the_reference_in_every_other_panel():
    panels = shown(figure.draw(ROWS))
    names = {title: [line.get_label() for line in panel.lines] for title, panel in panels.items()}
    assert names["probabilities, sample"] == ["no defence", "rs", "labels alone"]
    assert names["labels, sample"] == ["no defence", "rs"]
    reference = panels["probabilities, sample"].lines[-1]
    assert reference.get_color() == "#000000"
    assert list(reference.get_ydata()) == list(panels["labels, sample"].lines[0].get_ydata())


def test_the_reference_is_that_of_the_undefended_victim_where_there_is_one():
    rows = [row("rs", "labels", 10, 0, 0.4), row("rs", "bayes", 10, 0, 0.6)]
    for others, agreement in (([], 0.4), ([row("none", "labels", 10, 0, 0.8)], 0.8)):
        *_, reference = shown(figure.draw([*rows, *others]))["bayes, sample"].lines
        assert list(reference.get_ydata()) == [agreement]


def test_bands_reach_from_the_lowest_to_the_highest_replicate():
    rows = [
        row("none", "labels", 10, seed, agreement) for seed, agreement in enumerate((.2, .3, .7))
    ]
    panel = figure.draw(rows).axes[0]
    (line,), (band,) = panel.lines, panel.collections
    assert list(line.get_ydata()) == pytest.approx([0.4])
    heights = band.get_paths()[0].vertices[:, 1]
    assert (heights.min(), heights.max()) == (0.2, 0.7)


@pytest.mark.parametrize("clean, column", [(0.5, "agreement_clean"), (None, "agreement_defended")])
def test_axes_are_named_by_the_columns(clean, column):
    rows = [row("none", "labels", 10, 0, clean, validation=0.5, agreement_defended=0.5)]
    drawn = figure.draw(rows)
    assert drawn.axes[0].get_xlabel() == named(SUMMARY, "budget").title
    assert drawn.get_supylabel() == named(SUMMARY, column).title
    assert drawn.axes[0].yaxis.get_major_formatter()(0.5) == "50%"


def test_texts_of_budgets_do_not_touch():
    rows = [row("none", "labels", budget, 0, 0.5) for budget in range(10, 1000, 10)]
    assert len(figure.draw(rows).axes[0].get_xticks()) <= 7


def test_architectures_victims_and_controls_are_told():
    """The control is no thief, so that the first panel is of the other two."""
    rows = [row("none", "labels", 10, 0, 0.5), row("none", "independent", 10, 0, 0.9)]
    rows += [row("none", "labels", 10, 0, 0.6, clone_architecture="cnn", victim_fingerprint="w")]
    drawn = figure.draw(rows)
    assert drawn.get_suptitle() == "Stealing a classifier (digits, mlp, 2 victims)"
    assert list(shown(drawn)) == ["the strongest thief", "labels, sample, mlp",
                                  "independent, sample, mlp (control)",
                                  "labels, sample, cnn"]  # yapf: disable
    line, = drawn.axes[0].lines
    assert max(line.get_ydata()) == 0.6
