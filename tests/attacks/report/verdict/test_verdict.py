"""The verdict says what the results say."""
import json

import numpy as np
import pytest

from attacks.grid.judgement import Judgement
from attacks.report.verdict.verdict import Evidence
from attacks.report.verdict.verdict import exit_status
from attacks.report.verdict.verdict import judge
from tests.attacks.report.made_up import per_row
from tests.attacks.report.made_up import row


def served(adversary, agreement, seed=0, budget=100, **values):
    """A result of an endpoint."""
    values = {
        "agreement_defended": agreement,
        "validation": agreement,
        "victim_accuracy_clean": None,
        "victim_accuracy_defended": 0.975,
        **values
    }
    return row("as_served", adversary, budget, seed, None, **values)  # yapf: disable


def judged(rows, price=None, limit=None, **evidence):
    verdict = judge(Evidence(rows, **evidence), Judgement(price, limit))
    assert json.loads(json.dumps(verdict, allow_nan=False))["sentence"] == verdict["sentence"]
    return verdict


def test_the_strongest_thief_is_chosen_on_validation_and_reported_on_test():
    rows = [served("labels", 0.99, seed, 1000) for seed in (0, 1)]
    for seed, agreement in enumerate((0.90, 0.92)):
        rows += [
            served("labels", agreement, seed, 2000, validation=0.8, evaluated_rows=800),
            served("probabilities", 0.95, seed, 2000, validation=0.7, evaluated_rows=800),
        ]
    verdict = judged(rows, price=0.2)
    finding, = verdict["findings"]
    assert finding["agreement"] == pytest.approx(0.91)
    assert finding["agreement_with"] == "the endpoint's answers"
    assert (finding["adversary"], finding["budget"], finding["seeds"]) == ("labels", 2000, 2)
    assert finding["cost"] == pytest.approx(0.4)
    assert verdict["sentence"].startswith(
        "At 2,000 queries, 0.40 at your price, the strongest thief tried (labels, sample) agrees "
        "91.0% (95% interval ")
    low, high = finding["agreement_interval_95"]
    assert low < 0.888 and high > 0.928  # Wider than Wilson's over rows alone.
    assert "over 2 seeds and 800 held-out rows, of this victim; " in verdict["sentence"]
    assert "The victim's accuracy is 97.5%." in verdict["sentence"]
    assert verdict["passed"] is None and exit_status(verdict) == 0


@pytest.mark.parametrize("limit, said", [(0.8, "80.0%"), (0.9735, "97.350%"), (0.805, "80.5%")])
def test_a_limit_is_told_exactly(limit, said):
    rows = [row("rs", "labels", 100, 0, 0.5)]
    assert f"the limit is {said}. " in judged(rows, limit=limit)["sentence"]


LIMITS = [(0.8, "failed", 2), (0.84, "undecided", 3), (0.86, "undecided", 3), (0.9, "passed", 0),
          (0, "failed", 2), (1, "passed", 0)]  # yapf: disable


@pytest.mark.parametrize("limit, result, status", LIMITS)
def test_a_limit_is_passed_failed_or_undecided(limit, result, status):
    rows = [
        row("none", "probabilities", 100, 0, 0.99),
        row("rounding", "labels", 100, 0, 0.85),
        row("top_k", "labels", 100, 0, 0.5),
    ]
    verdict = judged(rows, limit=limit)
    assert verdict["passed"] is {"passed": True, "failed": False}.get(result)
    assert (verdict["result"], exit_status(verdict)) == (result, status)
    assert f"{result.capitalize()}: the limit is {limit:.1%}. " in verdict["sentence"]
    assert [finding["defence"] for finding in verdict["findings"]] == ["rounding", "top_k"]
    assert {finding["evaluated_rows"] for finding in verdict["findings"]} == {400}
    assert len(verdict["judged"]) == 2


def test_a_thief_that_stops_early_is_judged_too():
    rows = [row("rs", "labels", 50, 0, 0.95), row("rs", "labels", 100, 0, 0.5)]
    verdict = judged(rows, limit=0.8)
    assert verdict["findings"][0]["agreement"] == 0.5 and verdict["passed"] is False
    told = "(labels, sample) at 50 queries on rs is above it: its interval, corrected for 2 "
    assert f"{told}comparisons, starts at" in verdict["sentence"]


def test_many_thieves_need_more_to_fail():
    """One interval in twenty is wrong: the lower ends are those that hold for all."""
    one = row("rs", "labels", 100, 0, 0.85)
    limit = 0.808
    alone = judged([one], limit=limit)
    assert alone["passed"] is False and "corrected" not in alone["sentence"]
    others = [row("rs", f"thief_{place}", 100, 0, 0.5, validation=0) for place in range(40)]
    verdict = judged([one, *others], limit=limit)
    assert verdict["result"] == "undecided"
    assert verdict["judged"][0]["agreement_interval_95"][0] > limit


@pytest.mark.parametrize("spread, rows_known, advice", [
    (0.05, True, "More seeds would decide it soonest."),
    (0.0, True, "More test rows would decide it soonest."),
    (0.05, False, "More seeds would decide it soonest."),
])
def test_an_undecided_verdict_says_what_would_decide_it(spread, rows_known, advice):
    levels = 0.8 + spread * np.array([-1, 0, 1])
    bits = [np.arange(400) < round(400 * level) for level in levels]
    bits = [np.random.default_rng(0).permutation(one) for one in bits]
    rows = [row("rs", "labels", 100, seed, level) for seed, level in enumerate(levels)]
    known = {"per_row": per_row(rows, bits)} if rows_known else {}
    verdict = judged(rows, limit=0.81, **known)
    assert verdict["sentence"].endswith(advice) and exit_status(verdict) == 3
    assert "The interval of (labels, sample) at 100 queries on rs, " in verdict["sentence"]


def test_of_one_seed_others_would_decide_it():
    """Its rows are known, and other thieves are not."""
    rows = [row("rs", "labels", 100, 0, 0.8)]
    verdict = judged(rows, limit=0.81, per_row=per_row(rows, [np.arange(400) < 320]))
    assert verdict["sentence"].endswith("More seeds would decide it soonest.")


def test_rows_decide_where_nothing_varies():
    """The interval then is that of the number of rows."""
    rows = [row("rs", thief, 100, seed, 1.0, evaluated_rows=2)
            for thief in ("labels", "probabilities") for seed in (0, 1)]  # yapf: disable
    sentence = judged(rows, limit=0.9, per_row=per_row(rows, np.ones((4, 2))))["sentence"]
    assert "reaches above it (as does 1 more). More test rows would decide it" in sentence


def test_an_incomplete_grid_judges_nothing():
    """Whatever is there so far: the first cells are those of the smallest budgets."""
    rows = [row("rs", "labels", 100, 0, 0.1)]
    for missing, said in ((("a cell",) * 5, "Missing: a cell; a cell; a cell; 2 more."),
                          (None, "Which cells the grid has is unknown")):
        for limit in (0.05, 0.6):
            verdict = judged(rows, limit=limit, missing=missing)
            assert verdict["passed"] is None and exit_status(verdict) == 3
            assert said in verdict["sentence"]
        assert exit_status(judged(rows, missing=missing)) == 0  # Nothing is to be judged.


def test_thieves_with_fewer_seeds_are_named():
    rows = [row("rs", "labels", 100, seed, 0.5) for seed in (0, 1)]
    rows += [row("rs", "aware", 100, 0, 0.9), row("rs", "labels", 50, 0, 0.9)]
    verdict = judged(rows, limit=0.99)
    assert "Fewer replicates than others have: aware, sample at 100 queries on rs (1 of 2)." in (
        verdict["sentence"])
    assert verdict["result"] == "undecided" and len(verdict["judged"]) == 3


def test_an_undefended_victim_is_judged_where_there_is_no_other():
    verdict = judged([row("none", "probabilities", 100, 0, 0.99)])
    assert verdict["findings"][0]["defence"] == "none"
    assert exit_status(verdict) == 0


@pytest.mark.parametrize("victims, said", [
    (1, "of this victim; it leaves out how much victims and seeds vary)"),
    (3, "over 3 victims and 400 held-out rows, of these victims; it leaves out how much seeds "),
    (5, "over 5 victims and 400 held-out rows; it leaves out how much seeds vary"),
])
def test_few_victims_are_these_victims(victims, said):
    rows = [row("rs", "labels", 100, 0, 0.5 + place / 100, victim_fingerprint=f"v{place}")
            for place in range(victims)]  # yapf: disable
    assert said in judged(rows)["sentence"]


def test_what_an_agreement_is_worth_is_told():
    """Of an imbalanced set, and of a victim that is no good."""
    rows = [row("rs", "labels", 100, 0, 0.975, agreement_balanced=0.5, chance_agreement=0.975,
                victim_accuracy_clean=0.145)]  # yapf: disable
    verdict = judged(rows)
    assert ", 50.0% balanced over labels." in verdict["sentence"]
    assert ("The victim's accuracy is 14.5%; its most frequent label has 97.5% of the rows"
            in verdict["sentence"])
    finding, = verdict["findings"]
    assert (finding["agreement_balanced"], finding["chance_agreement"],
            finding["victim_accuracy"]) == (0.5, 0.975, 0.145)


def test_the_control_is_set_beside_the_thief_and_never_judged():
    rows = [row("rs", "labels", 100, 0, 0.5), row("rs", "independent", 100, 0, 0.95)]
    rows += [row("rs", "independent", 100, 0, 0.9, attack="active")]
    rows += [row("rs", "posterior_mean", 100, 0, 0.9)]  # It is given what no thief has.
    verdict = judged(rows, limit=0.6)
    assert verdict["passed"] is True and len(verdict["judged"]) == 1
    finding, = verdict["findings"]
    assert (finding["adversary"], finding["control_agreement"]) == ("labels", 0.95)
    assert ("agrees 95.0%: this far the shared task alone carries. It is no lower bound of what "
            "the victim leaks." in verdict["sentence"])
    assert judged(rows[:1])["findings"][0]["control_agreement"] is None


def test_the_control_of_another_attack_is_named():
    """Noise has no true labels, so the control of another attack stands in."""
    rows = [row("rs", "labels", 100, 0, 0.5, attack="random"),
            row("rs", "independent", 100, 0, 0.9)]  # yapf: disable
    assert "on the true labels of the rows of sample, as those of random have none, without" in (
        judged(rows)["sentence"])


def test_of_controls_the_one_with_the_thiefs_architecture_is_told():
    rows = [row("rs", "labels", 100, 0, 0.5)]
    rows += [row("rs", "independent", 100, 0, level, clone_architecture=clone)
             for clone, level in (("resnet20", 0.9), ("mlp", 0.7))]  # yapf: disable
    assert judged(rows)["findings"][0]["control_agreement"] == 0.7


@pytest.mark.parametrize("missing, result, status, said", [
    ((), None, 0, "Nothing is judged."),
    (("a cell",), "undecided", 3, "decides nothing: 1 cell is missing."),
])
@pytest.mark.parametrize("adversary", ["independent", "posterior_mean"])
def test_without_a_thief_nothing_is_judged(adversary, missing, result, status, said):
    rows = [row("rs", adversary, 100, 0, 0.95, victim_accuracy_clean=0.9)]
    verdict = judged(rows, limit=0.6, missing=missing)
    assert (verdict["result"], verdict["findings"], verdict["judged"]) == (result, [], [])
    assert exit_status(verdict) == status and verdict["sentence"].endswith(said)
    assert verdict["sentence"].startswith(
        "No result is of a thief: all are of controls, or of readers that are given clean outputs. "
        "The victim's accuracy is 90.0%")


def test_the_bill_is_told_apart_from_the_budget():
    bill = {"rows_sent": 1200, "rows_sent_evaluation": 100, "rows_resent": 7}
    verdict = judged([served("labels", 0.9)], price=10.0, bill=bill)
    assert verdict["bill"] == {**bill, "cost": 12.0}
    assert "At 100 queries, 1.00 at your price" in verdict["sentence"]
    assert "sent 1,200 rows, 12.00 at your price, 100 of them to evaluate" in verdict["sentence"]
    assert "7 were sent again" in verdict["sentence"]


@pytest.mark.parametrize("price, said", [
    (0, "0.00"),
    (0.0015, "0.00015"),
    (0.099, "0.0099"),
    (0.1, "0.01"),
    (0.999, "0.10"),
])
def test_a_small_cost_is_not_rounded_to_nothing(price, said):
    assert f" queries, {said} at your price" in judged([served("labels", 0.9)],
                                                       price=price)["sentence"]
