"""The figure of the query multipliers tells measured ones from bounds."""
import pytest

from attacks.report.multiplier_figure import draw_multipliers
from attacks.report.statistics.per_row import PerRow
from tests.attacks.report.made_up import row

BUDGETS = (10, 20, 40)


def markers(defended):
    """By budget, the multiplier of the naive thief and how it is marked."""
    curves = {"none": (0.5, 0.6, 0.7), "rs": defended}
    rows = [row(defence, "probabilities", budget, seed, agreement + seed / 1000)
            for defence, curve in curves.items() for budget, agreement in zip(BUDGETS, curve)
            for seed in (0, 1)]  # yapf: disable
    axis, = draw_multipliers(rows, PerRow()).axes
    points = [line for line in axis.lines if line.get_marker() in "o^v"]
    return {round(line.get_xdata()[0]): (line.get_ydata()[0], line.get_marker())
            for line in points if line.get_xdata()[0] in BUDGETS}  # yapf: disable


@pytest.mark.parametrize("defended, expected", [
    ((0.4, 0.5, 0.6), {10: (2, "o"), 20: (2, "o")}),
    ((0.1, 0.1, 0.1), {10: (4, "^"), 20: (2, "^")}),
    ((0.6, 0.7, 0.8), {20: (0.5, "o"), 40: (0.5, "o")}),
])  # yapf: disable
def test_measured_multipliers_are_dots_and_bounds_triangles(defended, expected):
    found = markers(defended)
    assert {
        budget: kind for budget, (_, kind) in found.items() if budget in expected
    } == {
        budget: kind for budget, (_, kind) in expected.items()
    }
    for budget, (multiplier, _) in expected.items():
        assert found[budget][0] == pytest.approx(multiplier, rel=0.05)
