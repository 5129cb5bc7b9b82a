"""The table of agreements."""
from attacks.report.table import agreement_table
from tests.attacks.report.made_up import row
from tests.attacks.report.made_up import ROWS


def test_it_has_the_mean_over_seeds_of_every_thief_and_budget():
    lines = agreement_table(ROWS).splitlines()
    assert lines[0].split() == ["defence", "attack", "adversary", "100", "200"]
    assert [line.split() for line in lines[2:-1]] == [
        ["none", "strongest", "of", "all", "0.710", "0.910"],
        ["rs", "strongest", "of", "all", "0.610", "0.810"],
        ["none", "sample", "probabilities", "0.710", "0.910"],
        ["rs", "sample", "probabilities", "0.510", "0.410"],
        ["none", "sample", "labels", "0.610", "0.810"],
        ["rs", "sample", "labels", "0.610", "0.810"],
    ]
    assert len({len(line) for line in lines[:-1]}) == 1


def test_a_cell_that_is_missing_is_a_dash():
    assert "-" in agreement_table(ROWS[:-2]).splitlines()[-2].split()


def test_fewer_seeds_than_others_have_are_shown():
    lines = agreement_table(ROWS[:-1]).splitlines()
    assert lines[-3].split() == ["rs", "sample", "labels", "0.610", "0.800", "(1)"]
    assert lines[-2] == "(n): mean of n seeds instead of 2"


def test_victims_are_told_apart_and_what_an_agreement_with_them_is_worth():
    rows = [
        row("none", "labels", 10, seed, 0.5, victim_fingerprint=victim, agreement_balanced=0.25,
            victim_accuracy_clean=accuracy, chance_agreement=0.975)
        for victim, accuracy in (("a" * 64, 0.98), ("b" * 64, 0.145)) for seed in (0, 1)
    ]  # yapf: disable
    lines = agreement_table([*rows, row("none", "probabilities", 10, 0, 0.4)]).splitlines()
    assert [line.split() for line in lines[2:-4]] == [
        ["none", "strongest", "of", "all", "0.500"],
        ["none", "strongest", "balanced", "0.250"],
        ["none", "sample", "labels", "0.500"],
        ["none", "sample", "probabilities", "0.400", "(1)"],
    ]
    assert lines[-4:] == [
        "(n): mean of n replicates (a split, a victim and a seed) instead of 4",
        "Victim mlp (aaaaaaa, split 0): accuracy 0.980, most frequent label 0.975 (chance), "
        "2 seeds of thieves.",
        "Victim mlp (bbbbbbb, split 0): accuracy 0.145, most frequent label 0.975 (chance), "
        "2 seeds of thieves.",
        "Victim mlp (vvvvvvv, split 0): accuracy 0.000, 1 seed of thieves.",
    ]


def test_a_control_and_a_reader_of_clean_outputs_are_marked_and_head_nothing():
    rows = [row("none", adversary, 10, 0, level) for adversary, level in
            (("labels", 0.5), ("independent", 0.9), ("posterior_mean", 0.8))]  # yapf: disable
    lines = [line.split() for line in agreement_table(rows).splitlines()]
    assert lines[2] == ["none", "strongest", "of", "all", "0.500"]
    assert lines[4] == ["none", "sample", "independent", "(control)", "0.900"]
    assert lines[5] == ["none", "sample", "posterior_mean", "(no", "thief)", "0.800"]


def test_architectures_of_clones_are_lines_of_their_own():
    rows = [row("none", "labels", 10, 0, 0.5)]
    rows += [row("none", "labels", 10, 0, 0.7, clone_architecture="resnet20")]
    lines = [line.split() for line in agreement_table(rows).splitlines()]
    assert lines[0] == ["defence", "attack", "adversary", "clone", "10"]
    assert lines[3] == ["none", "sample", "labels", "mlp", "0.500"]
    assert lines[4] == ["none", "sample", "labels", "resnet20", "0.700"]
