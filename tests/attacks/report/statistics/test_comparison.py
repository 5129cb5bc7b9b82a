"""Each defence against none: like thieves, and only what both sides have."""
import numpy as np
import pytest

from attacks.report.columns.columns import COMPARISONS
from attacks.report.comparison_table import comparison_table
from attacks.report.statistics.comparison import compare
from attacks.report.statistics.variance import crossed_mean
from tests.attacks.report.made_up import per_row
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
    assert lines[-1].startswith("4 comparisons: ")
    assert "mixed" not in comparison_table(compare(ROWS))


def test_no_attack_is_set_against_another():
    """Undefended, active learning is best; under the defence, random inputs are."""
    rows = [
        row("none", "probabilities", 10, 0, 0.9, attack="active:strategy=entropy_max"),
        row("none", "probabilities", 10, 0, 0.8),
        row("none", "labels", 10, 0, 0.7),
        row("rs", "probabilities", 10, 0, 0.3, attack="active:strategy=entropy_max"),
        row("rs", "probabilities", 10, 0, 0.2),
        row("rs", "labels", 10, 0, 0.7),
    ]
    strongest = compare(rows)[-1]
    assert (strongest["kind"], strongest["attack"]) == ("strongest", "sample")
    assert (strongest["undefended_by"], strongest["defended_by"]) == ("probabilities, sample",
                                                                      "labels, sample")
    assert strongest["difference"] == pytest.approx(-0.1)


@pytest.mark.parametrize("defence", ["none", "rs"])
def test_both_sides_choose_among_the_same_thieves(defence):
    """An adversary that was tried on one victim alone, and a control, are no part of it."""
    rows = [row(name, "labels", 10, 0, 0.7) for name in ("none", "rs")]
    rows += [row(name, "independent", 10, 0, 0.99) for name in ("none", "rs")]
    rows += [row(defence, "aware", 10, 0, 0.9), row("rs", "semi_supervised", 10, 1, 0.9)]
    strongest, = compare(rows)
    assert (strongest["undefended_adversary"], strongest["defended_adversary"]) == ("labels",
                                                                                    "labels")


def test_columns_have_one_fact_each():
    found = compare(ROWS)[0]
    facts = ("kind", "attack", "undefended_adversary", "defended_adversary", "undefended_clone")
    assert [found[fact] for fact in facts] == ["naive", "sample", "probabilities", "probabilities",
                                               "mlp"]  # yapf: disable
    assert found["thief"] == "naive, sample"  # As older readers know it.


def test_victims_and_architectures_are_never_merged():
    """Two victims with one seed are two replicates, two architectures two thieves."""
    rows = [
        row(defence, "probabilities", 10, 0, agreement + place / 10, victim_fingerprint=victim)
        for defence, agreement in (("none", 0.6), ("rs", 0.4)) for place, victim in enumerate("vw")
    ]  # yapf: disable
    naive, _ = compare(rows)
    assert (naive["victims"], naive["seeds"], naive["leaves_out"]) == (2, 1, "seeds; rows")
    assert naive["agreement_undefended"] == pytest.approx(0.65)
    other = [{**one, "clone_architecture": "cnn", "agreement_clean": 0.1} for one in rows]
    thieves = {found["thief"]: found["agreement_defended"] for found in compare([*rows, *other])}
    assert thieves == {
        "naive, sample, mlp": pytest.approx(0.45),
        "naive, sample, cnn": pytest.approx(0.1),
        "strongest": pytest.approx(0.45),
    }
    lines = [line.split() for line in comparison_table(compare([*rows, *other])).splitlines()]
    assert lines[0][:5] == ["defence", "thief", "attack", "clone", "queries"]
    assert [line[3] for line in lines[2:5]] == ["mlp", "cnn", "mlp"]


def test_differences_are_paired_by_test_row_where_rows_are_known():
    bits = np.random.default_rng(0).random((4, 50)) < [[0.8], [0.8], [0.5], [0.5]]
    rows = [
        row(defence, "probabilities", 10, seed, bits[place].mean())
        for place, (defence, seed) in enumerate(
            (defence, seed) for defence in ("none", "rs") for seed in (0, 1))
    ]
    naive, _ = compare(rows, per_row(rows, bits))
    expected = crossed_mean(bits[2:].astype(int) - bits[:2], ["seeds", "rows"])
    assert (naive["difference_low_95"], naive["difference_high_95"]) == expected.interval()
    assert (naive["difference_low_all_95"],
            naive["difference_high_all_95"]) == expected.interval(1 - 0.05 / 2)
    assert (naive["comparisons"], naive["leaves_out"]) == (2, "victims")


def test_a_multiplier_that_says_nothing_is_left_out_and_the_others_have_intervals():
    rows = [
        row(defence, "probabilities", budget, seed, agreement + seed / 100)
        for defence, agreements in (("none", (0.5, 0.7, 0.8)), ("rs", (0.3, 0.5, 0.7)))
        for budget, agreement in zip((10, 20, 40), agreements) for seed in (0, 1, 2)
    ]  # yapf: disable
    naive = [found for found in compare(rows) if found["kind"] == "naive"]
    assert [found["query_multiplier_is"] for found in naive] == ["=", "=", ""]
    assert [found["query_multiplier"] for found in naive] == pytest.approx([2, 2, None])
    for found in naive[:2]:
        assert found["query_multiplier_low_95"] == pytest.approx(2)
        assert found["query_multiplier_high_95"] == pytest.approx(2)
    assert naive[2]["query_multiplier_low_95"] is naive[2]["query_multiplier_high_95"] is None
    last = comparison_table(naive).splitlines()[4].split()
    assert last[-2:] == ["-", "-"]


def test_the_table_says_how_many_comparisons_there_are_and_what_they_leave_out():
    line = comparison_table(compare(ROWS)).splitlines()[-1]
    assert line.startswith("4 comparisons: ") and "(Bonferroni)" in line
    assert line.endswith("how victims and rows vary.")
