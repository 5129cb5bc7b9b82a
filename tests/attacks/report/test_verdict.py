"""The verdict says what the results say."""
import pytest

from attacks.report.verdict import exit_status
from attacks.report.verdict import judge
from tests.attacks.report.made_up import row


def served(adversary, agreement, seed=0, budget=100, **values):
    """A result of an endpoint."""
    values = {"agreement_defended": agreement, "validation": agreement, **values}
    return row("as_served", adversary, budget, seed, None, **values)


def test_the_strongest_thief_is_chosen_on_validation_and_reported_on_test():
    rows = [served("labels", 0.99, budget=1000)]
    for seed, agreement in enumerate((0.90, 0.92)):
        rows += [
            served("labels", agreement, seed, 2000, validation=0.8, evaluated_rows=800),
            served("probabilities", 0.95, seed, 2000, validation=0.7, evaluated_rows=800),
        ]
    verdict = judge(rows, price_per_1000=0.2)
    finding, = verdict["findings"]
    assert finding["agreement"] == pytest.approx(0.91)
    assert finding["agreement_with"] == "the endpoint's answers"
    assert (finding["adversary"], finding["budget"], finding["seeds"]) == ("labels", 2000, 2)
    assert finding["cost"] == pytest.approx(0.4)
    assert verdict["sentence"] == (
        "At 2,000 queries, 0.40 at your price, the strongest thief tried (labels, sample) agrees "
        "91.0% (95% interval 88.8% to 92.8%, 800 held-out rows).")
    assert verdict["passed"] is None


@pytest.mark.parametrize("limit, passed", [(0.8, False), (0.85, True), (0.9, True), (0, False)])
def test_a_limit_passes_or_fails(limit, passed):
    rows = [
        row("none", "probabilities", 100, 0, 0.99),
        row("rounding", "labels", 100, 0, 0.85),
        row("top_k", "labels", 100, 0, 0.5),
    ]
    verdict = judge(rows, fail_above=limit)
    assert verdict["passed"] is passed
    assert exit_status(verdict) == (0 if passed else 2)
    assert ("Passed" if passed else "Failed") in verdict["sentence"]
    assert [finding["defence"] for finding in verdict["findings"]] == ["rounding", "top_k"]
    assert {finding["evaluated_rows"] for finding in verdict["findings"]} == {400}


def test_an_undefended_victim_is_judged_where_there_is_no_other():
    verdict = judge([row("none", "probabilities", 100, 0, 0.99)])
    assert verdict["findings"][0]["defence"] == "none"
    assert exit_status(verdict) == 0


def test_the_bill_is_told_apart_from_the_budget():
    bill = {"rows_sent": 1200, "rows_sent_evaluation": 100, "rows_resent": 7}
    verdict = judge([served("labels", 0.9)], price_per_1000=10.0, bill=bill)
    assert verdict["bill"] == {**bill, "cost": 12.0}
    assert "At 100 queries, 1.00 at your price" in verdict["sentence"]
    assert "sent 1,200 rows, 12.00 at your price, 100 of them to evaluate" in verdict["sentence"]
    assert "7 were sent again" in verdict["sentence"]
