"""Results of a directory, as a notebook or another program reads them."""
import itertools
import json
import re
import sys

import numpy as np
import pytest

from attacks.adversaries.probabilities import Probabilities
from attacks.evaluation.packed_rows import pack
from attacks.grid.cell import Cell
from attacks.grid.judgement import Judgement
from attacks.grid.registries import ADVERSARIES
from attacks.report import figure
from attacks.report import Results
from attacks.report.columns.columns import COMPARISONS
from attacks.report.columns.columns import SUMMARY
from attacks.report.statistics.comparison import compare
from attacks.report.statistics.per_row import PerRow
from attacks.report.table import agreement_table
from attacks.report.verdict.limit import judged_thieves
from attacks.report.verdict.verdict import judge
from tests.attacks.report.made_up import record
from tests.attacks.report.made_up import row
from tests.attacks.report.made_up import write_cell
from tests.attacks.report.made_up import write_grid

JUDGEMENT = Judgement(price_per_1000=2.0, fail_above=0.8)


@pytest.fixture
def grid(tmp_path):
    write_grid(tmp_path)
    return tmp_path


@pytest.fixture
def whole(monkeypatch):
    """The grid has all of its cells."""
    monkeypatch.setattr("attacks.report.results.missing_cells", lambda *_: [])


class WithoutPandas:
    """A finder of modules, which finds no pandas."""

    @staticmethod
    def find_spec(name, path=None, target=None):
        if name == "pandas":
            raise ImportError(name)


@pytest.fixture
def no_pandas(monkeypatch):
    monkeypatch.delitem(sys.modules, "pandas", raising=False)
    monkeypatch.setattr(sys, "meta_path", [WithoutPandas, *sys.meta_path])


class Counted(list):
    """Rows that count how often something goes through all of them."""
    passes = 0

    def __iter__(self):
        self.passes += 1
        return super().__iter__()


@pytest.mark.parametrize("report", [
    figure.draw,
    agreement_table,
    compare,
    lambda rows: judged_thieves(rows, PerRow()),
])
def test_no_part_of_a_report_goes_through_all_rows_for_each_of_them(report):
    passes = []
    for seeds in (2, 20):
        rows = Counted(
            row(defence, "probabilities", budget, seed, 0.5)
            for defence in ("none", "rs")
            for budget in (10, 20)
            for seed in range(seeds))
        report(rows)
        passes.append(rows.passes)
    assert passes[0] == passes[1] > 0


def test_results_are_judged_once(grid, monkeypatch):
    judged = []
    monkeypatch.setattr("attacks.report.results.judge",
                        lambda *given: judged.append(given) or judge(*given))
    results = Results(grid, JUDGEMENT)
    results.write()
    sentence = results.verdict()["sentence"]
    results.verdict()["sentence"] = "another"
    assert results.verdict()["sentence"] == sentence != "another" and len(judged) == 1


def test_rows_and_comparison_are_lists_of_dicts_without_pandas(grid, no_pandas):
    results = Results(grid)
    assert len(results) == len(results.rows()) == 8
    assert list(results.rows()[0]) == [column.name for column in SUMMARY]
    assert list(results.comparison()[0]) == [column.name for column in COMPARISONS]


def test_rows_and_comparison_are_data_frames_with_pandas(grid):
    pd = pytest.importorskip("pandas")
    results = Results(grid)
    rows, comparison = results.rows(), results.comparison()
    assert isinstance(rows, pd.DataFrame) and isinstance(comparison, pd.DataFrame)
    assert list(rows.columns) == [column.name for column in SUMMARY]
    means = rows.groupby(["defence", "adversary"]).agreement_clean.mean()
    assert means["rs", "probabilities"] == pytest.approx(0.605)
    assert comparison.difference.min() == pytest.approx(-0.3)


def test_what_a_caller_changes_stays_with_the_caller(grid, no_pandas):
    results = Results(grid)
    results.rows()[0]["agreement_clean"] = 7
    results.comparison()[0]["difference"] = 7
    assert 7 not in results.rows()[0].values() and 7 not in results.comparison()[0].values()


def test_results_are_those_of_the_time_when_they_were_read(grid):
    results = Results(grid)
    write_cell(grid, record(seed=9))
    assert len(results) == 8 and "(1)" not in results.text()
    assert len(Results(grid)) == 9


def test_text_has_table_comparison_and_sentences(grid):
    text = Results(grid).text()
    for part in ("strongest  of all", "naive      sample", "agreement falls from 0.905 undefended"):
        assert part in text


def test_the_verdict_judges_by_price_limit_and_bill(grid, whole):
    bill = {"rows_sent": 500, "rows_sent_evaluation": 100, "rows_resent": 0}
    verdict = Results(grid, JUDGEMENT, bill).verdict()
    assert verdict["passed"] is False and verdict["fail_above"] == 0.8
    assert verdict["findings"][0]["cost"] == 0.2 and verdict["bill"]["cost"] == 1.0
    assert Results(grid).verdict()["passed"] is None


@pytest.mark.parametrize("missing, said", [
    ([], "Failed: "),
    (["a cell"], "Missing: a cell. Undecided: "),
    (None, "Undecided: the limit is 80.0%. Which cells the grid has is unknown"),
])
def test_nothing_is_judged_until_every_cell_is_there(grid, monkeypatch, missing, said):
    monkeypatch.setattr("attacks.report.results.missing_cells", lambda *_: missing)
    verdict = Results(grid, JUDGEMENT).verdict()
    assert said in verdict["sentence"] and verdict["missing"] == missing
    assert verdict["passed"] is (False if missing == [] else None)
    assert ("The grid is incomplete: 1 cell is missing." in Results(grid).text()) == bool(missing)


def test_rows_of_records_narrow_the_interval_of_a_difference(grid):
    """Where the test rows are known, they are paired."""
    bits = np.arange(400) < 360
    for number, path in enumerate(sorted((grid / "cells").iterdir())):
        result = json.loads(path.read_text())
        rows = {"count": 400, "test_rows": "t", "agreement": pack(np.roll(bits, number))}
        path.write_text(json.dumps({**result, "schema_version": 3, "rows": rows}))
    text = Results(grid).text()
    assert "Not covered by some or all of them: how victims vary." in text


def test_files_are_written_and_the_verdict_only_where_there_is_a_judgement(grid):
    names = [path.name for path in Results(grid).write()]
    assert names == ["summary.csv", "comparisons.csv", "agreement.png", "report.html"]
    results = Results(grid, JUDGEMENT)
    paths = results.write()
    assert [path.name for path in paths] == [*names, "verdict.json"]
    assert all(path.stat().st_size > 0 for path in paths)
    assert json.loads(paths[-1].read_text()) == json.loads(json.dumps(results.verdict()))
    assert {path.name for path in grid.iterdir()} == {"cells", *names, "verdict.json"}


@pytest.mark.parametrize("member", [{
    "adversary": "mine:x=1"
}, {
    "attack": "mine"
}, {
    "defence": "mine"
}])
def test_results_of_parts_that_are_added_elsewhere_are_written(tmp_path, member):
    """In another process nobody has called `ADVERSARIES.add`."""
    for cell in ({}, {"defence": "rs"}):
        write_cell(tmp_path, record(**{**cell, **member}))
    write_cell(tmp_path, record(budget=50))
    names = {path.name for path in Results(tmp_path).write()}
    assert {"summary.csv", "report.html"} <= names


@pytest.mark.parametrize("declared, name", [
    ({"needs": "truth"}, "mine (control)"),
    ({"sees_clean": True}, "mine (no thief)"),
    ({"keeps": "labels"}, "mine"),
])  # yapf: disable
def test_what_an_adversary_that_is_added_elsewhere_reads_is_told_by_its_cells(
        declared, name, tmp_path, monkeypatch, no_pandas):
    """Only a thief is judged, and only one of labels alone is what others are compared with."""
    with monkeypatch.context() as there:
        there.setitem(ADVERSARIES._factories, "mine", type("Mine", (Probabilities,), declared))
        cells = [Cell("none", "sample", member, 100, 0).describe() for member in ("mine", "labels")]
    for cell, agreement in zip(cells, (0.9, 0.6)):
        metrics = {"agreement_clean": agreement, "agreement_validation": agreement}
        write_cell(tmp_path, record(id=cell["adversary"], cell=cell, metrics=metrics))
    results, is_thief = Results(tmp_path), name == "mine"
    assert name in {word.strip() for word in re.split("  +", results.text())}
    judged = [one["thief"] for one in results.verdict()["judged"]]
    assert judged == ["labels, sample", *["mine, sample"] * is_thief]
    references = {row["agreement_labels"] for row in results.frontier()}
    assert references == {0.9 if declared.get("keeps") else 0.6}


def test_without_results_there_is_nothing_to_report(tmp_path):
    results = Results(tmp_path)
    assert len(results) == 0
    for report in (results.rows, results.comparison, results.verdict, results.text, results.write):
        with pytest.raises(ValueError,
                           match=f"must hold results, cells/.* or cells.*{tmp_path.name}"):
            report()
    assert list(tmp_path.iterdir()) == []


def test_the_claim_is_told_where_a_defence_is_coded_and_only_there(tmp_path):
    write_grid(tmp_path)
    plain = Results(tmp_path)
    assert "bounded_leak.csv" not in {path.name for path in plain.write()}
    assert len(plain.bounded_leak()) == 0 and "claim" not in plain.text()
    for adversary, seed in itertools.product(("probabilities", "labels"), (0, 1)):
        write_cell(tmp_path, record("decoy", adversary, seed=seed))
    coded = Results(tmp_path)
    assert "bounded_leak.csv" in {path.name for path in coded.write()}
    assert len(coded.bounded_leak()) == 1 and "decoy at 100 queries" in coded.text()
    assert len(coded.frontier()) == 3


@pytest.mark.parametrize("missing", [[], ["a cell"], None])
def test_the_claim_is_not_decided_until_every_cell_is_there(missing, tmp_path, monkeypatch):
    """Here labels are better than probabilities by 10 points, so they are enough."""
    monkeypatch.setattr("attacks.report.results.missing_cells", lambda *_: missing)
    thieves = (("labels", 0), ("probabilities", 0.1))
    for defence, (adversary, less), seed in itertools.product(("none", "decoy"), thieves, range(3)):
        agreement = 0.9 - less + seed / 100 * (1 + less)
        metrics = {"agreement_clean": agreement, "agreement_defended": agreement,
                   "agreement_validation": agreement, "distortion_l1": 0.1}  # yapf: disable
        write_cell(tmp_path, record(defence, adversary, seed=seed, metrics=metrics))
    leak, = Results(tmp_path)._leaks
    assert leak.verdict == ("labels are enough" if missing == [] else "undecided")
