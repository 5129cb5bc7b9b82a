"""Every column is declared once, with all that a reader of the tables needs."""
import csv
import io
import json
import pathlib

import pytest

from attacks.report.columns import columns
from tests.attacks.report.made_up import ROWS

ROOT = pathlib.Path(__file__).parents[3]
DISTORTION = ("kl_nats", "l1", "kl_bits", "kl_reverse_nats", "kl_reverse_bits")
ALL = [(file, column) for file, table in columns.TABLES.items() for column in table]


@pytest.mark.parametrize("file, column", ALL, ids=lambda value: getattr(value, "name", value))
def test_each_column_has_a_sentence_a_direction_and_a_unit(file, column):
    assert column.sentence[-1] == "." and len(column.sentence) <= 100
    assert column.better in ("", "lower", "higher")
    assert column.unit or not column.better, "A number that is good or bad has a unit."
    same = [other for other in columns.TABLES[file] if other.name == column.name]
    assert same == [column]


@pytest.mark.parametrize("suffix, unit", [("_nats", "nats"), ("_bits", "bits"),
                                          ("_seconds", "seconds"), ("_accuracy", "fraction")])
def test_the_unit_is_the_one_in_the_name(suffix, unit):
    found = {column.unit for column in columns.SUMMARY if column.name.endswith(suffix)}
    assert found == {unit}


def test_the_summary_has_the_published_columns_first():
    published = (
        "dataset,victim,defence,attack,adversary,budget,seed,agreement_clean,agreement_defended,"
        "clone_accuracy,victim_accuracy_clean,victim_accuracy_defended,distortion_kl_nats,"
        "distortion_l1,label_changes,queries_used,train_seconds,distortion_kl_bits,"
        "distortion_kl_reverse_nats,distortion_kl_reverse_bits,label_changes_test,"
        "agreement_validation,steps,clone_digest,id,agreement_held_out,clone_kl_nats,"
        "transferability,transferability_noise,is_strongest").split(",")
    assert [column.name for column in columns.SUMMARY][:len(published)] == published


def test_csv_holds_numbers_in_full_precision():
    text = columns.csv_text(columns.SUMMARY, ROWS)
    written = list(csv.DictReader(io.StringIO(text)))
    agreements = [float(line["agreement_clean"]) for line in written]
    assert agreements == [row["agreement_clean"] for row in ROWS]
    assert {line["processor"] for line in written} == {""}


def test_the_dictionary_has_a_line_for_each_column():
    lines = [line.split() for line in columns.dictionary().splitlines()]
    named = [line[0] for line in lines if line and line[-1].endswith(".")]
    assert named == [column.name for _, column in ALL]
    assert "distortion_l1 probability lower Mean" in " ".join(sum(lines, []))


@pytest.mark.parametrize("directory", ["results/mnist_sample", "tests/compatibility/data/results"])
def test_every_metric_of_a_cell_has_a_column(directory):
    paths = list((ROOT / directory / "cells").glob("*.json"))
    metrics = {name for path in paths for name in json.loads(path.read_text())["metrics"]}
    old = {f"noise_{distance}": f"distortion_{distance}" for distance in DISTORTION}
    assert {old.get(name, name) for name in metrics} <= {column.name for column in columns.SUMMARY}
