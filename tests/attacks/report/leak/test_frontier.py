"""The frontier, on rows whose figures are known."""
import csv

import numpy as np
import pytest

from attacks import frontier as program
from attacks.report.columns.leak_columns import FRONTIER
from attacks.report.leak.frontier import frontier
from attacks.report.leak.frontier import merged
from attacks.report.leak.frontier_figure import draw_frontier
from attacks.report.leak.frontier_table import frontier_table
from tests.attacks.report.made_up import record
from tests.attacks.report.made_up import row
from tests.attacks.report.made_up import write_cell

GAINS = {"none": {"probabilities": 0.1, "labels": 0}, "label_only": {"labels": 0},
         "rs": {"probabilities": -0.2, "aware": 0.08, "labels": 0, "posterior_mean": 0.09},
         "decoy:bits=2": {"labels": 0, "bayes": 0.01}}  # yapf: disable
COSTS = {"none": 0.0, "label_only": 0.05, "rs": 1.7, "decoy:bits=2": 1.3}
NOISE = np.random.default_rng(0).normal(size=(20, 5))


def rows_of(count=5, budgets=(50, 100), gains=GAINS, **values):
    return [
        row(defence,
            adversary,
            budget,
            seed,
            0.8 + gain * (1 + 0.1 * NOISE[place, seed]),
            victim_fingerprint=f"{seed}",
            split_seed=seed,
            **{
                "distortion_l1_test": COSTS[defence],
                "distortion_l1_decoded": 0.05 if defence.startswith("decoy") else None,
                "ece_decoded": None,
                "brier_decoded": None,
                "top5_accuracy_decoded": None,
                "confidence_auroc_decoded": None,
                "confidence_auroc_clean": 0.95,
                "confidence_auroc_defended": 0.94 - seed / 1000,
                **values
            })
        for budget in budgets
        for defence, thieves in gains.items()
        for place, (adversary, gain) in enumerate(thieves.items())
        for seed in range(count)
    ]  # yapf: disable


def by_defence(rows, budget=50):
    return {each["defence"]: each for each in rows if each["budget"] == budget}


def test_the_strongest_thief_keeps_its_part_of_the_undefended_advantage():
    found = by_defence(frontier(rows_of()))
    assert list(found) == list(GAINS)
    assert (found["none"]["kept"], found["label_only"]["kept"]) == (1, 0)
    assert found["rs"]["thief"] == "aware, sample"
    assert found["rs"]["kept"] == pytest.approx(0.8, abs=0.1)
    assert found["rs"]["advantage"] == pytest.approx(0.08, abs=0.01)
    assert found["rs"]["advantage_low_95"] < found["rs"]["advantage"] < 0.1
    assert found["rs"]["kept_low_95"] < found["rs"]["kept"] < found["rs"]["kept_high_95"]
    assert found["decoy:bits=2"]["bits"] == 2 and found["rs"]["bits"] is None
    assert list(found["rs"]) == [column.name for column in FRONTIER]


def test_the_losses_are_those_of_victims():
    found = by_defence(frontier(rows_of()))
    assert found["decoy:bits=2"]["l1"] == 1.3 and found["decoy:bits=2"]["l1_decoded"] == 0.05
    assert found["rs"]["l1_decoded"] is None
    losses = 0.01 + np.arange(5) / 1000
    margin = 2.7764 * losses.std(ddof=1) / np.sqrt(5)
    assert found["rs"]["auroc_lost"] == pytest.approx(losses.mean())
    assert found["rs"]["auroc_lost_high_95"] == pytest.approx(losses.mean() + margin, rel=1e-4)


def test_a_fraction_of_no_advantage_is_unknown_but_the_difference_is_told():
    gains = {**GAINS, "none": {"probabilities": -0.1, "labels": 0}}
    found = by_defence(frontier(rows_of(gains=gains)))
    assert {each["kept"] for each in found.values()} == {None}
    assert found["rs"]["advantage"] == pytest.approx(0.08, abs=0.01)
    assert found["none"]["advantage"] == 0 and "- " in frontier_table(list(found.values()))
    assert len(draw_frontier(list(found.values())).axes[0].containers) == len(GAINS)


def test_only_common_replicates_count():
    rows = [each for each in rows_of() if each["defence"] != "rs" or each["seed"] < 3]
    found = by_defence(frontier(rows))
    assert (found["rs"]["replicates"], found["none"]["replicates"]) == (3, 5)


@pytest.mark.parametrize("without", ["none", "labels"])
def test_nothing_is_known_without_a_reference(without):
    gains = {
        defence: {thief: gain for thief, gain in thieves.items() if thief != without}
        for defence, thieves in GAINS.items() if defence != without
    }  # yapf: disable
    assert frontier(rows_of(gains=gains)) == []
    with pytest.raises(ValueError, match="of one data set"):
        merged([[]])


def test_of_several_directories_the_one_with_most_replicates_counts():
    few, many = (frontier(rows_of(count)) for count in (2, 5))
    for tables in ((few, many), (many, few)):
        found = merged(tables)
        assert {each["replicates"] for each in found} == {5}
        assert len(found) == 2 * len(GAINS)
    with pytest.raises(ValueError, match="Received: digits, mnist"):
        merged([few, frontier(rows_of(dataset="mnist"))])


def test_old_results_have_a_frontier_without_losses():
    unknown = dict.fromkeys(("distortion_l1_test", "confidence_auroc_defended", "ece_defended",
                             "brier_defended", "top5_accuracy_defended", "answer_entropy_bits"))
    found = frontier(rows_of(**unknown))
    assert {each["l1"] for each in found} == {each["auroc_lost"] for each in found} == {None}
    assert len(frontier_table(found).splitlines()) == 2 * len(GAINS) + 3
    with pytest.raises(ValueError, match="must tell what honest users lose"):
        draw_frontier(found)


@pytest.mark.parametrize("count", [1, 5])
def test_the_figure_has_a_panel_for_each_budget_and_cost(count):
    panels = draw_frontier(frontier(rows_of(count))).axes
    assert [panel.get_title() for panel in panels] == ["50 queries", "100 queries"] * 2
    assert panels[0].get_xlabel() == "L1 (probability)"


def test_a_directory_without_a_reference_is_refused(tmp_path):
    """With other directories that have one, its defences would be left out without a word."""
    for name, defences in (("whole", ("none", "rs")), ("defended", ("rs",))):
        (tmp_path / name).mkdir()
        for defence in defences:
            write_cell(tmp_path / name, record(defence))
    for name in ("defended", "typo"):
        for names in (("whole", name), (name, "whole")):
            with pytest.raises(ValueError, match=f"labels alone. Received: .*{name}"):
                program.main(*(str(tmp_path / each) for each in names))


def test_the_program_writes_table_and_figure(tmp_path, capsys):
    for defence, adversary, agreement in (("none", "probabilities", 0.9), ("none", "labels", 0.8),
                                          ("rs", "labels", 0.8)):
        metrics = {"agreement_clean": agreement, "agreement_validation": agreement,
                   "distortion_l1_test": 0.5}  # yapf: disable
        write_cell(tmp_path, record(defence, adversary, metrics=metrics))
    program.main(str(tmp_path), str(tmp_path))
    out = capsys.readouterr().out
    assert out.endswith(f"Written: frontier.csv, frontier.png in {tmp_path}\n")
    lines = list(csv.DictReader((tmp_path / "frontier.csv").open()))
    assert [line["defence"] for line in lines] == ["none", "rs"]
    assert (tmp_path / "frontier.png").stat().st_size > 0
