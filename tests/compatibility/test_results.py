"""The directory of a run of the first version: it is read, resumed and extended."""
import csv
import pathlib
import shutil

import pytest

from tests.compatibility.audited import SMALL_RUN
from tests.programs import Program

OLD = pathlib.Path(__file__).parent / "data" / "results"
# What the measures of a defence's distortion may be called since.
RENAMED = ("noise_", "distortion_")
FIGURE = "agreement.png"


def contents(cells):
    """The bytes and the time of the last change, by name."""
    return {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in cells.iterdir()}


def table(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def value(row, column):
    return row[column] if column in row else row[column.replace(*RENAMED)]


def assert_rows_equal(rows, expected):
    """Numbers to rounding; later columns may follow, and a measure may have its later name.

    A query multiplier of which only `>1` or `<1` is known says nothing, and is left out since.
    Intervals of differences end where differences do, at -1 and 1.
    """
    assert len(rows) == len(expected)
    for row, old in zip(rows, expected):
        if old.get("query_multiplier") == "1.0" and old.get("query_multiplier_is") in ("<", ">"):
            old = {**old, "query_multiplier": "", "query_multiplier_is": ""}
        for column, text in old.items():
            try:
                number = float(text)
            except ValueError:
                assert value(row, column) == text, column
            else:
                if column.startswith("difference_"):
                    number = min(1.0, max(-1.0, number))
                assert float(value(row, column)) == pytest.approx(number, 1e-9, 1e-9), column


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """By kind of run: a copy of the directory, its cells before, and what the run said."""
    commands = {
        "resumed": lambda copy: ("attacks.run", *SMALL_RUN, f"--output_dir={copy}"),
        "extended": lambda copy: ("attacks.run", f"--flagfile={copy}/run.flags",
                                  "--budgets=10,20,30", f"--output_dir={copy}"),
        "plotted": lambda copy: ("attacks.plot", copy),
    }  # yapf: disable
    started = {}
    for kind, command in commands.items():
        copy = tmp_path_factory.mktemp(kind) / "results"
        shutil.copytree(OLD, copy)
        (copy / "summary.csv").unlink()
        (copy / "comparisons.csv").unlink()
        started[kind] = copy, contents(copy / "cells"), Program(*command(copy))
    finished = {}
    for kind, (copy, before, process) in started.items():
        out, err = process.communicate(timeout=300)
        assert process.returncode == 0, err
        finished[kind] = copy, before, out
    return finished


@pytest.mark.parametrize("kind", ["resumed", "plotted"])
def test_it_is_reported_as_it_was(runs, kind):
    copy, before, out = runs[kind]
    assert contents(copy / "cells") == before
    for name in ("summary.csv", "comparisons.csv"):
        assert_rows_equal(table(copy / name), table(OLD / name))
    assert (copy / FIGURE).stat().st_size > 0
    assert "With 20 queries the thief's agreement" in out


def test_the_same_command_does_nothing_again(runs):
    copy, _, _ = runs["resumed"]
    for name in ("victim.keras", "victim.json", "run.flags"):
        assert (copy / name).read_bytes() == (OLD / name).read_bytes()


def test_one_more_budget_adds_cells_and_leaves_the_others_alone(runs):
    copy, before, _ = runs["extended"]
    after = contents(copy / "cells")
    assert before.items() <= after.items() and len(after) == len(before) + 4
    assert {row["budget"] for row in table(copy / "summary.csv")} == {"10", "20", "30"}
    assert (copy / "victim.keras").read_bytes() == (OLD / "victim.keras").read_bytes()
    old = [row for row in table(copy / "summary.csv") if row["budget"] != "30"]
    assert_rows_equal([{
        **row, "is_strongest": ""
    } for row in old], [{
        **row, "is_strongest": ""
    } for row in table(OLD / "summary.csv")])
