"""The table of agreements."""
from attacks.report.table import agreement_table
from tests.attacks.report.made_up import ROWS


def test_it_has_the_mean_over_seeds_of_every_thief_and_budget():
    lines = agreement_table(ROWS).splitlines()
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
    assert "-" in agreement_table(ROWS[:-2]).splitlines()[-1].split()


def test_fewer_seeds_than_others_have_are_shown():
    lines = agreement_table(ROWS[:-1]).splitlines()
    assert lines[-2].split() == ["rs", "sample", "labels", "0.610", "0.800", "(1)"]
    assert lines[-1] == "(n): mean of n seeds instead of 2"
