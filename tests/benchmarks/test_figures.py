"""The comparison of two directories of results."""
import pytest

from benchmarks import figures
from tests.attacks.report.made_up import record
from tests.attacks.report.made_up import write_cell

CELLS = {
    ("none", "sample", "labels", budget, seed): value
    for (budget, seed), value in zip([(10, 0), (10, 1), (20, 0), (20, 1)], [.5, .6, .7, .9])
}


def test_differences_stand_beside_those_of_seeds():
    moved = {cell: value + .01 for cell, value in CELLS.items()}
    more = {**moved, ("none", "sample", "labels", 30, 0): 1.0}
    thief, everything = figures.compare(CELLS, more)
    assert thief[0] == "none, sample, labels" and thief[1:] == everything[1:]
    expected = [pytest.approx(value) for value in (.01, .01, .01, .025**.5)]
    assert everything[1:] == (4, *expected)


def test_the_largest_difference_is_told_whatever_its_sign():
    moved = {**CELLS, ("none", "sample", "labels", 20, 1): .7}
    _, everything = figures.compare(CELLS, moved)
    assert everything[2:5] == tuple(map(pytest.approx, (-.05, .1, .2)))


def test_nothing_in_common_is_said():
    with pytest.raises(ValueError, match="cells in common. Received: none"):
        figures.compare(CELLS, {})


def test_of_published_results(capsys):
    figures.main("results/mnist_sample", "results/mnist_sample")
    name, cells, mean, rms, largest, seeds = capsys.readouterr().out.splitlines()[-1].split()
    assert (name, mean, rms, largest) == ("all", "+0.0000", "0.0000",
                                          "0.0000") and int(cells) > 1 and float(seeds) > 0


def test_a_comparison_of_two_commits_says_so(tmp_path, capsys):
    for name in "cd":
        (tmp_path / name).mkdir()
        write_cell(tmp_path / name, record(commit=name * 40))
    figures.main(tmp_path / "c", tmp_path / "d")
    assert "Cells of 2 commits are compared: ccccccc (1 cell)" in capsys.readouterr().out
    figures.main(tmp_path / "c", tmp_path / "c")
    assert "commits" not in capsys.readouterr().out
