"""Tables, figures and sentences say what the results say."""

import csv
import pathlib
import re

import pytest

from attacks.grid.registries import ADVERSARIES
from attacks.report import figure
from attacks.report import report
from tests.attacks.result_rows import row
from tests.attacks.result_rows import ROWS


def test_the_table_has_the_mean_over_seeds_of_every_thief_and_budget():
    lines = report.table(ROWS).splitlines()
    assert lines[0].split() == ["defence", "attack", "adversary", "100", "200"]
    assert [line.split() for line in lines[2:]] == [
        ["none", "strongest", "of", "all", "0.710", "0.910"],
        ["rs", "strongest", "of", "all", "0.610", "0.810"],
        ["none", "sample", "probabilities", "0.710", "0.910"],
        ["rs", "sample", "probabilities", "0.510", "0.410"],
        ["none", "sample", "labels", "0.610", "0.810"],
        ["rs", "sample", "labels", "0.610", "0.810"],
    ]
    assert len({len(line) for line in lines}) == 1


def test_a_cell_that_is_missing_is_a_dash():
    assert "-" in report.table(ROWS[:-2]).splitlines()[-1].split()


def test_fewer_seeds_than_others_have_are_shown():
    lines = report.table(ROWS[:-1]).splitlines()
    assert lines[-2].split() == ["rs", "sample", "labels", "0.610", "0.800", "(1)"]
    assert lines[-1] == "(n): mean of n seeds instead of 2"


def test_the_sentence_compares_thieves_on_the_seeds_that_all_of_them_have():
    rows = [row("none", "probabilities", 10, seed, 0.1 * seed) for seed in (1, 2, 9)]
    rows += [row("rs", "probabilities", 10, seed, 0.05 * seed) for seed in (1, 2)]
    text = report.sentences(rows)
    assert "falls from 0.150 undefended to 0.075" in text
    assert "mean of 2 seeds" in text
    assert report.sentences(rows[2:4]) == ""


def test_the_sentence_sets_the_strongest_thieves_of_both_victims_side_by_side():
    assert ("The strongest thief tried on rs (labels, sample) reaches 0.810, on the undefended "
            "victim (probabilities, sample) 0.910.") in report.sentences(ROWS)


def test_the_sentence_does_not_set_one_attack_against_another():
    rows = [row("none", "probabilities", 10, 0, 0.6), row("rs", "probabilities", 10, 0, 0.4)]
    better = row("none", "probabilities", 10, 0, 0.9, attack="sample:augment=after")
    assert "falls from 0.600 undefended to 0.400" in report.sentences([*rows, better])


def test_the_sentence_tells_the_fall_the_labels_only_thief_and_the_strongest():
    text = report.sentences(ROWS)
    assert "With 200 queries the thief's agreement falls from 0.910 undefended to 0.410 " in text
    assert "a thief that uses only labels reaches 0.810" in text
    assert "The strongest thief tried on rs (labels, sample) reaches 0.810" in text
    assert "mean of 2 seeds" in text


def test_the_sentence_does_not_claim_a_fall_that_is_none():
    rows = [row("none", "probabilities", 10, 0, 0.5), row("rs", "probabilities", 10, 0, 0.6)]
    text = report.sentences(rows)
    assert "does not fall from 0.500 undefended to 0.600" in text
    assert "mean of 1 seed.)" in text
    assert "only labels" not in text


def test_the_strongest_thief_is_chosen_on_validation_and_reported_on_test():
    rows = [
        row("rs", "probabilities", 10, 0, 0.6, validation=0.1),
        row("rs", "labels", 10, 0, 0.5, validation=0.2)
    ]
    assert "The strongest thief tried on rs (labels, sample) reaches 0.500" in report.sentences(
        rows)


def test_a_defence_that_loses_labels_is_not_praised():
    broken = row("rs", "probabilities", 10, 0, 0.1)
    broken.update(label_changes_test=70, victim_accuracy_clean=0.98, victim_accuracy_defended=0.3)
    text = report.sentences([row("none", "probabilities", 10, 0, 0.9), broken])
    assert "But rs changes the labels of 70 test rows" in text
    assert "accuracy goes from 0.980 to 0.300" in text
    assert "But" not in report.sentences(ROWS)


def test_without_a_naive_thief_and_one_of_labels_the_strongest_is_told():
    text = report.sentences([row("rs", "aware", 10, 0, 0.9)])
    assert text.startswith("The strongest thief tried on rs (aware, sample) reaches 0.900. (")


def test_without_a_defence_there_is_nothing_to_say():
    assert report.sentences([row("none", "labels", 10, 0, 0.5)]) == ""


def test_the_summary_has_the_published_columns_first(tmp_path):
    path = report.write_summary(ROWS, tmp_path)
    with open(path, newline="") as file:
        reader = csv.DictReader(file)
        assert reader.fieldnames[:17] == (
            "dataset,victim,defence,attack,adversary,budget,seed,agreement_clean,"
            "agreement_defended,clone_accuracy,victim_accuracy_clean,victim_accuracy_defended,"
            "noise_kl_nats,noise_l1,label_changes,queries_used,train_seconds").split(",")
        written = [float(line["agreement_clean"]) for line in reader]
    assert written == [row["agreement_clean"] for row in ROWS]


def test_the_figure_is_the_same_file_for_the_same_results(tmp_path):
    first = figure.draw(ROWS, tmp_path).read_bytes()
    assert first.startswith(b"\x89PNG")
    assert figure.draw(list(ROWS), tmp_path).read_bytes() == first
    assert figure.draw(ROWS[:-2] + [row("rs", "labels", 200, 0, 0.1)],
                       tmp_path).read_bytes() != first


def test_lines_are_told_apart_by_colour_and_style():
    """For as many adversaries as the registry and the panel have."""
    flagfile = pathlib.Path(__file__).parents[3] / "attacks" / "configs" / "mnist_panel.flags"
    named = re.search(r"--adversaries=(.*)", flagfile.read_text()).group(1).split(",")
    colours = figure.colours_of(list(dict.fromkeys([*named, *ADVERSARIES.names])))
    assert len(set(colours.values())) == len(colours) >= 13 and colours["labels"] == "black"
    styles = figure.styles_of(["rs", "none", "top_k"])
    assert len(set(styles.values())) == 3 and styles["none"] == "--"


@pytest.mark.parametrize("attacks", [("sample",), ("sample", "sample:augment=after", "jacobian")])
def test_the_figure_has_a_panel_per_attack(tmp_path, attacks):
    rows = [row("none", "labels", 10, 0, 0.5, attack=attack) for attack in attacks]
    assert figure.draw(rows, tmp_path).stat().st_size > 5000


def test_a_directory_without_results_is_refused(tmp_path):
    with pytest.raises(ValueError, match=f"must hold cells/.*{tmp_path.name}"):
        report.rows(tmp_path)
