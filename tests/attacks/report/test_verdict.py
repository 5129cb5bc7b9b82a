"""The verdict says what the results say."""
import json

import pytest

from attacks.report import verdict


def result(directory, defence, adversary, agreement, seed=0, budget=100, validation=None, **victim):
    """Writes the result of a cell."""
    remote = defence == "as_served"
    name = f"{defence}-{adversary}-{budget}-{seed}".replace(":", "_")
    metrics = {
        "agreement_clean": None if remote else agreement,
        "agreement_defended": agreement if remote else 0.0,
        "agreement_validation": agreement if validation is None else validation,
        **dict.fromkeys(("clone_accuracy", "victim_accuracy_clean", "victim_accuracy_defended",
                         "noise_kl_nats", "noise_kl_bits", "noise_kl_reverse_nats",
                         "noise_kl_reverse_bits", "noise_l1", "label_changes",
                         "label_changes_test"), 0),
    }  # yapf: disable
    cell = {"defence": defence, "attack": "sample", "adversary": adversary, "budget": budget}
    kinds = ("defence", "attack", "adversary")
    record = {
        "schema_version": 1,
        "id": name,
        "cell": {**cell, "seed": seed, "resolved": {kind: {"name": cell[kind]} for kind in kinds}},
        "dataset": {"name": "digits", "rows": {"test": 400}},
        "victim": {"name": "mlp", **victim},
        "hardware": {},
        "queries_used": budget,
        "metrics": metrics,
        "clone": {"steps": 1, "train_seconds": 1.0, "digest": "0"},
    }  # yapf: disable
    (directory / "cells").mkdir(exist_ok=True)
    (directory / "cells" / f"{name}.json").write_text(json.dumps(record))


def written(directory, price=None, fail_above=None, bill=None):
    record = verdict.write(directory, price, fail_above, bill)
    written = json.loads((directory / "verdict.json").read_text())
    assert json.loads(json.dumps(record)) == written
    return written


def test_the_strongest_thief_is_chosen_on_validation_and_reported_on_test(tmp_path):
    for seed, agreement in enumerate((0.90, 0.92)):
        result(tmp_path, "as_served", "labels", agreement, seed, 2000, 0.8, evaluated_rows=800)
        result(tmp_path, "as_served", "probabilities", 0.95, seed, 2000, 0.7, evaluated_rows=800)
    result(tmp_path, "as_served", "labels", 0.99, 0, 1000)
    record = written(tmp_path, price=0.2)
    finding, = record["findings"]
    assert finding["agreement"] == pytest.approx(0.91)
    assert finding["agreement_with"] == "the endpoint's answers"
    assert (finding["adversary"], finding["budget"], finding["seeds"]) == ("labels", 2000, 2)
    assert finding["cost"] == pytest.approx(0.4)
    assert record["sentence"].startswith(
        "At 2,000 queries, 0.40 at your price, the strongest thief tried (labels, sample) agrees "
        "91.0% (95% interval 88.8% to 92.8%, 800 held-out rows).")
    assert record["passed"] is None


@pytest.mark.parametrize("limit, passed", [(0.8, False), (0.85, True), (0.9, True), (0, False)])
def test_a_limit_passes_or_fails(tmp_path, limit, passed):
    result(tmp_path, "none", "probabilities", 0.99)
    result(tmp_path, "rounding", "labels", 0.85)
    result(tmp_path, "top_k", "labels", 0.5)
    record = written(tmp_path, fail_above=limit)
    assert record["passed"] is passed
    assert verdict.exit_status(record) == (0 if passed else 2)
    assert ("Passed" if passed else "Failed") in record["sentence"]
    assert [finding["defence"] for finding in record["findings"]] == ["rounding", "top_k"]
    assert {finding["evaluated_rows"] for finding in record["findings"]} == {400}


def test_an_undefended_victim_is_judged_where_there_is_no_other(tmp_path):
    result(tmp_path, "none", "probabilities", 0.99)
    record = written(tmp_path)
    assert record["findings"][0]["defence"] == "none"
    assert verdict.exit_status(record) == 0


def test_the_bill_is_told_apart_from_the_budget(tmp_path):
    result(tmp_path, "as_served", "labels", 0.9, evaluated_rows=80)
    bill = {"rows_sent": 1200, "rows_sent_evaluation": 100, "rows_resent": 7}
    record = written(tmp_path, 10.0, None, bill)
    assert record["bill"] == {**bill, "cost": 12.0}
    assert "At 100 queries, 1.00 at your price" in record["sentence"]
    assert "sent 1,200 rows, 12.00 at your price, 100 of them to evaluate" in record["sentence"]
    assert "7 were sent again" in record["sentence"]


@pytest.mark.parametrize("share, rows", [(0.5, 100), (0.9, 50), (1.0, 20), (0.0, 20)])
def test_the_interval_holds_the_share_and_narrows_with_rows(share, rows):
    low, high = verdict.wilson_interval(share, rows)
    more = verdict.wilson_interval(share, 4 * rows)
    assert 0 <= low <= share <= high <= 1 and more[1] - more[0] < high - low
    for end in (low, high):  # By its definition: the shares that the score test does not reject.
        if 0 < end < 1:
            z = (share - end) / (end * (1 - end) / rows)**0.5
            assert abs(z) == pytest.approx(1.96, abs=1e-3)
