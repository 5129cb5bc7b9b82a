"""The closing sentences say what the results say."""
import pytest

from attacks.report.sentences import closing_sentences
from tests.attacks.report.made_up import row
from tests.attacks.report.made_up import ROWS


def test_thieves_are_compared_on_the_seeds_that_all_of_them_have():
    rows = [row("none", "probabilities", 10, seed, 0.1 * seed) for seed in (1, 2, 9)]
    rows += [row("rs", "probabilities", 10, seed, 0.05 * seed) for seed in (1, 2)]
    text = closing_sentences(rows)
    assert "falls from 0.150 undefended to 0.075" in text
    assert "mean of 2 seeds" in text
    assert "on both" not in closing_sentences(rows[2:4])
    assert "mean of 2 seeds, on both victims of 1." in closing_sentences(rows[1:])


def test_the_strongest_thieves_of_both_victims_are_set_side_by_side():
    assert ("The strongest thief tried on rs (labels, sample) reaches 0.810. With sample and the "
            "adversaries tried on both victims (probabilities, labels), the strongest thief "
            "reaches 0.910 undefended (probabilities, sample) and 0.810 defended (labels, sample): "
            "a difference of -0.100, 95% interval ") in closing_sentences(ROWS)


def test_one_attack_is_not_set_against_another():
    rows = [row("none", "probabilities", 10, 0, 0.6), row("rs", "probabilities", 10, 0, 0.4)]
    better = row("none", "probabilities", 10, 0, 0.9, attack="sample:augment=after")
    assert "falls from 0.600 undefended to 0.400" in closing_sentences([*rows, better])


@pytest.mark.parametrize("adversary", ["probabilities", "labels"])
def test_the_headline_has_one_attack_on_both_sides(adversary):
    """Not the best attack on the undefended victim and another one on the defended."""
    rows = [
        row("none", adversary, 10, 0, 0.99, attack="active:strategy=entropy_max"),
        row("none", adversary, 10, 0, 0.6),
        row("rs", adversary, 10, 0, 0.2, attack="active:strategy=entropy_max"),
        row("rs", adversary, 10, 0, 0.5),
    ]
    text = closing_sentences(rows)
    assert "reaches 0.600 undefended" in text and "0.99" not in text and "entropy" not in text
    assert ("falls from 0.600 undefended to 0.500" in text) == (adversary == "probabilities")


def test_a_thief_that_needs_the_defence_is_told_and_compared_with_nobody():
    rows = [row(defence, "labels", 10, 0, 0.5) for defence in ("none", "rs")]
    text = closing_sentences([*rows, row("rs", "aware", 10, 0, 0.8)])
    assert "The strongest thief tried on rs (aware, sample) reaches 0.800." in text
    assert "(labels), the strongest thief reaches 0.500 undefended" in text


@pytest.mark.parametrize("levels, said", [
    ((0.6, 0.5, 0.4, 0.3), "(probabilities, sample, cnn on both victims)"),
    ((0.6, 0.5, 0.4, 0.45), "(probabilities, sample, cnn; probabilities, sample, mlp)"),
])
def test_the_clones_of_the_naive_thief_are_told(levels, said):
    kinds = [(defence, clone) for defence in ("none", "rs") for clone in ("cnn", "mlp")]
    rows = [row(defence, "probabilities", 10, 0, level, clone_architecture=clone)
            for (defence, clone), level in zip(kinds, levels)]  # yapf: disable
    assert f"falls from 0.600 undefended to {max(levels[2:]):.3f} under rs {said}" in (
        closing_sentences(rows))


def test_a_control_is_no_thief():
    rows = [row(name, "independent", 10, 0, 0.99) for name in ("none", "rs")]
    assert closing_sentences(rows[:0] + [row("none", "labels", 10, 0, 0.5), *rows]) == ""


def test_several_victims_are_told():
    rows = [row("rs", "labels", 10, 0, 0.5, victim_fingerprint=victim) for victim in "vw"]
    assert "mean of 2 replicates of 2 victims." in closing_sentences(rows)


def test_the_fall_the_labels_only_thief_and_the_strongest_are_told():
    text = closing_sentences(ROWS)
    assert "With 200 queries the thief's agreement falls from 0.910 undefended to 0.410 " in text
    assert "a thief that uses only labels reaches 0.810" in text
    assert "The strongest thief tried on rs (labels, sample) reaches 0.810" in text
    assert "mean of 2 seeds" in text


def test_no_fall_is_claimed_where_there_is_none():
    rows = [row("none", "probabilities", 10, 0, 0.5), row("rs", "probabilities", 10, 0, 0.6)]
    text = closing_sentences(rows)
    assert "does not fall from 0.500 undefended to 0.600" in text
    assert "mean of 1 seed.)" in text
    assert "only labels" not in text


def test_the_strongest_thief_is_chosen_on_validation_and_reported_on_test():
    rows = [
        row("rs", "probabilities", 10, 0, 0.6, validation=0.1),
        row("rs", "labels", 10, 0, 0.5, validation=0.2)
    ]
    assert "The strongest thief tried on rs (labels, sample) reaches 0.500" in closing_sentences(
        rows)


def test_a_defence_that_loses_labels_is_not_praised():
    broken = row("rs", "probabilities", 10, 0, 0.1)
    broken.update(label_changes_test=70, victim_accuracy_clean=0.98, victim_accuracy_defended=0.3)
    text = closing_sentences([row("none", "probabilities", 10, 0, 0.9), broken])
    assert "But rs changes the labels of 70 test rows" in text
    assert "accuracy goes from 0.980 to 0.300" in text
    assert "But" not in closing_sentences(ROWS)
    kept = {**broken, "label_changes_test": 0, "victim_accuracy_defended": 0.98}
    text = closing_sentences([kept, {**broken, "victim_fingerprint": "w"}, kept])
    assert "But rs changes the labels of 35 test rows, the mean of 2 victims: " in text
    assert "accuracy goes from 0.980 to 0.640" in text


def test_without_a_naive_thief_and_one_of_labels_the_strongest_is_told():
    text = closing_sentences([row("rs", "aware", 10, 0, 0.9)])
    assert text.startswith("The strongest thief tried on rs (aware, sample) reaches 0.900. (")


def test_without_a_defence_there_is_nothing_to_say():
    assert closing_sentences([row("none", "labels", 10, 0, 0.5)]) == ""
