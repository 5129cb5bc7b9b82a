"""Each defence against none: like thieves, and only what both sides have."""
import pytest

from attacks.report.columns import COMPARISONS
from attacks.report.comparison import compare
from attacks.report.comparison import comparison_table
from tests.attacks.report.made_up import row
from tests.attacks.report.made_up import ROWS


def test_naive_is_compared_with_naive_and_strongest_with_strongest():
    comparisons = compare(ROWS)
    assert list(comparisons[0]) == [column.name for column in COMPARISONS]
    found = {
        (compared["thief"], compared["budget"]):
        (compared["undefended_by"], compared["defended_by"], round(compared["difference"], 3))
        for compared in comparisons
    }  # yapf: disable
    naive, labels = "probabilities, sample", "labels, sample"
    assert found == {
        ("naive, sample", 100): (naive, naive, -0.2),
        ("naive, sample", 200): (naive, naive, -0.5),
        ("strongest", 100): (naive, labels, -0.1),
        ("strongest", 200): (naive, labels, -0.1),
    }


def test_only_what_both_sides_have_is_compared():
    rows = [row("none", "probabilities", 10, seed, 0.1 * seed) for seed in (1, 2, 9)]
    rows += [row("rs", "probabilities", budget, 2, 0.1) for budget in (10, 20)]
    naive, = (found for found in compare(rows) if found["thief"] != "strongest")
    assert (naive["budget"], naive["seeds"]) == (10, 1)
    assert naive["agreement_undefended"] == pytest.approx(0.2)


def test_without_an_undefended_victim_there_is_nothing_to_compare():
    comparisons = compare([row("rs", "probabilities", 10, 0, 0.1)])
    assert comparisons == [] and comparison_table(comparisons) == ""


def test_each_comparison_tells_what_it_mixes():
    """Of two budgets, one was made with another commit on the defended side."""
    rows = [row(defence, "probabilities", budget, 0, 0.5) for defence in ("none", "rs")
            for budget in (10, 20)]  # yapf: disable
    rows[-1]["commit"] = "d" * 40
    mixed = {(found["thief"], found["budget"]): found["mixed"] for found in compare(rows)}
    assert mixed == {
        ("naive, sample", 10): "",
        ("naive, sample", 20): "2 commits",
        ("strongest", 10): "",
        ("strongest", 20): "2 commits",
    }
    lines = comparison_table(compare(rows)).splitlines()
    assert lines[0].endswith("  mixed") and lines[3].endswith("  2 commits")
    assert "mixed" not in comparison_table(compare(ROWS))
