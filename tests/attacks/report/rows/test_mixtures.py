"""No comparison mixes data, commits, versions or hardware without a word."""
import pytest

from attacks.report.results import Results
from attacks.report.rows.mixtures import mixture
from attacks.report.rows.mixtures import mixture_sentences
from attacks.report.rows.summary import summary_rows
from tests.attacks.report.made_up import record
from tests.attacks.report.made_up import write_cell

HARDWARE = record()["hardware"]
VERSIONS = record()["versions"]


@pytest.mark.parametrize("others, short, sentence", [
    ([], "", ""),
    ([{}, {}], "", ""),
    ([{"commit": "d" * 40}, {}], "2 commits",
     "Cells of 2 commits are compared: ccccccc (2 cells); ddddddd (1 cell)."),
    ([{"commit": "c" * 40 + "+changes-12345678"}], "2 commits",
     "Cells of 2 commits are compared: ccccccc (1 cell); ccccccc+changes-12345678 (1 cell)."),
    ([{"commit": None}], "2 commits",
     "Cells of 2 commits are compared: ccccccc (1 cell); unknown (1 cell)."),
    ([{"dataset": {"name": "mnist"}}], "2 data sets",
     "Cells of 2 data sets are compared: digits (1 cell); mnist (1 cell)."),
    ([{"versions": {**VERSIONS, "tensorflow": "2.20.0"}}], "2 versions of tensorflow",
     "Cells of 2 versions of tensorflow are compared: 2.20.0 (1 cell); 2.21.0 (1 cell)."),
    ([{"hardware": {**HARDWARE, "cpu": "Xeon"}}], "2 processors",
     "Cells of 2 processors are compared: AMD EPYC (1 cell); Xeon (1 cell)."),
    ([{"hardware": {**HARDWARE, "gpus": ["H100", "H100"]}}], "2 sets of GPUs",
     "Cells of 2 sets of GPUs are compared: none (1 cell); H100; H100 (1 cell)."),
    ([{"hardware": {**HARDWARE, "onednn": "0"}}], "2 settings of oneDNN",
     "Cells of 2 settings of oneDNN are compared: 0 (1 cell); default (1 cell)."),
    ([{"commit": "d" * 40, "hardware": {"cpu": "Xeon"}}], "2 commits, 2 processors",
     "Cells of 2 commits are compared: ccccccc (1 cell); ddddddd (1 cell). "
     "Cells of 2 processors are compared: AMD EPYC (1 cell); Xeon (1 cell)."),
    # What does not change a figure, and what an older record does not tell.
    ([{"hardware": {**HARDWARE, "cpu_cores": 64}}], "", ""),
    ([{"hardware": {**HARDWARE, "onednn": None}}], "", ""),
    ([{"versions": {"python": "3.11.7"}}], "", ""),
    ([{"versions": None, "hardware": {}}], "", ""),
])  # yapf: disable
def test_what_rows_mix_is_told(others, short, sentence):
    records = [record(seed=seed, **entries) for seed, entries in enumerate([{}, *others])]
    rows = summary_rows(records)
    assert (mixture(rows), mixture_sentences(rows)) == (short, sentence)


def test_a_record_without_a_commit_is_of_an_unknown_one():
    older = record(seed=1)
    del older["commit"], older["versions"]
    assert mixture(summary_rows([record(), older])) == "2 commits"
    assert mixture(summary_rows([older])) == ""


@pytest.mark.parametrize("commit, is_told", [("c" * 40, False), ("d" * 40, True)])
def test_text_and_verdict_tell_it(tmp_path, commit, is_told):
    write_cell(tmp_path, record(seed=0))
    write_cell(tmp_path, record(seed=1, commit=commit))
    results = Results(tmp_path)
    for said in (results.text(), results.verdict()["sentence"]):
        assert ("Cells of 2 commits are compared" in said) is is_told


def test_the_verdict_tells_what_its_own_cells_mix(tmp_path):
    """A smaller budget is not part of the verdict, a thief that loses is."""
    write_cell(tmp_path, record(budget=50, commit="d" * 40))
    write_cell(tmp_path, record(budget=100))
    assert "commits" not in Results(tmp_path).verdict()["sentence"]
    loser = record(adversary="probabilities", commit="e" * 40)
    loser["metrics"]["agreement_validation"] = 0.1
    write_cell(tmp_path, loser)
    assert "2 commits" in Results(tmp_path).verdict()["sentence"]
