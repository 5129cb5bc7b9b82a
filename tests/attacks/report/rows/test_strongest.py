"""The strongest thief: one for all seeds, chosen on validation."""
from attacks.report.rows.strongest import behind
from attacks.report.rows.strongest import rows_of_strongest
from attacks.report.rows.strongest import strongest
from tests.attacks.report.made_up import row


def test_one_thief_is_chosen_for_all_seeds_by_the_mean_on_validation():
    """Each of the two is better on one seed, and on test it is the other way round."""
    rows = [
        row("rs", "labels", 10, 0, 0.1, validation=0.9),
        row("rs", "labels", 10, 1, 0.2, validation=0.5),
        row("rs", "aware", 10, 0, 0.8, validation=0.6),
        row("rs", "aware", 10, 1, 0.9, validation=0.7),
    ]
    thief = strongest(rows, "rs")
    assert (thief.adversary, thief.attack) == ("labels", "sample")
    assert abs(thief.agreement - 0.15) < 1e-12 and abs(thief.validation - 0.7) < 1e-12
    assert rows_of_strongest(rows) == rows[:2]
    assert strongest(rows, "rs", "aware").adversary == "aware"
    assert strongest(rows, "none") is None


def test_a_thief_of_fewer_seeds_does_not_compete():
    rows = [
        row("rs", "labels", 10, 0, 0.5),
        row("rs", "labels", 10, 1, 0.5),
        row("rs", "aware", 10, 0, 0.9)
    ]
    assert strongest(rows, "rs").adversary == "labels"
    assert behind(rows) == {("rs", 10, "sample", "aware", "mlp"): (1, 2)}
    assert behind(rows[:2]) == {}


def test_a_thief_without_validation_does_not_compete():
    rows = [row("rs", "labels", 10, 0, 0.5), row("rs", "aware", 10, 0, 0.9)]
    rows[1]["agreement_validation"] = None
    assert strongest(rows, "rs").adversary == "labels" and strongest(rows[1:], "rs") is None


def test_a_reader_of_clean_outputs_is_never_the_strongest_thief():
    rows = [row("rs", "labels", 10, 0, 0.5), row("rs", "posterior_mean:prior_rows=2", 10, 0, 0.9)]
    assert strongest(rows, "rs").adversary == "labels"
    assert rows_of_strongest(rows) == rows[:1]


def test_a_control_is_never_the_strongest_thief():
    rows = [row("rs", "labels", 10, 0, 0.5), row("rs", "independent", 10, 0, 0.9)]
    assert strongest(rows, "rs").adversary == "labels" and rows_of_strongest(rows) == rows[:1]
    assert strongest(rows[1:], "rs") is None and rows_of_strongest(rows[1:]) == []


def test_each_defence_and_budget_has_its_own():
    rows = [
        row("none", "labels", 10, 0, 0.5),
        row("none", "probabilities", 10, 0, 0.6),
        row("none", "labels", 20, 0, 0.8),
        row("none", "probabilities", 20, 0, 0.7),
        row("rs", "labels", 10, 0, 0.5, attack="jacobian"),
        row("rs", "labels", 10, 0, 0.4),
    ]
    assert rows_of_strongest(rows) == [rows[1], rows[2], rows[4]]
