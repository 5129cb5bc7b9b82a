"""Rows of the summary: flat, with one spelling for a member, and None for what is unknown."""
import pytest

from attacks.report.columns.columns import SUMMARY
from attacks.report.rows.summary import summary_rows
from tests.attacks.report.made_up import record


def test_a_row_has_every_column_and_the_values_of_the_record():
    result, = summary_rows([record(budget=7, seed=3)])
    assert list(result) == [column.name for column in SUMMARY]
    expected = {
        "dataset": "digits", "victim": "mlp", "defence": "none", "attack": "sample",
        "adversary": "labels", "budget": 7, "seed": 3, "agreement_clean": 0.5,
        "distortion_l1": 0.1, "transferability": None, "queries_used": 7, "train_seconds": 1.0,
        "evaluated_rows": 400, "is_strongest": True, "commit": "c" * 40,
        "python_version": "3.11.7", "numpy_version": None, "processor": "AMD EPYC", "gpus": "",
    }  # yapf: disable
    assert {name: result[name] for name in expected} == expected


@pytest.mark.parametrize("victim, rows", [({
    "name": "mlp"
}, 400), ({
    "name": "mlp",
    "evaluated_rows": 80
}, 80)])
def test_an_endpoint_says_how_many_rows_were_evaluated(victim, rows):
    result, = summary_rows([record(victim=victim)])
    assert result["evaluated_rows"] == rows


def test_a_member_that_is_spelled_in_two_ways_is_one_member():
    spelled = record(seed=1)
    spelled["cell"]["attack"] = "sample:augment=none"
    assert [row["attack"] for row in summary_rows([record(), spelled])] == ["sample", "sample"]


def bayes(written, **options):
    made = record(adversary=written)
    made["cell"]["resolved"]["adversary"] = {"name": "bayes", "pairs": 10, **options}
    return made


@pytest.mark.parametrize("records, spellings", [
    ([("bayes", {"prior": "clone"}), ("bayes", {"prior": "dirichlet"})],
     ["bayes:prior=clone", "bayes:prior=dirichlet"]),
    ([("bayes", {"prior": "clone"}), ("bayes:prior=dirichlet", {"prior": "dirichlet"}),
      ("bayes", {"prior": "dirichlet"})],
     ["bayes", "bayes:prior=dirichlet", "bayes:prior=dirichlet"]),
    ([("bayes", {}), ("bayes", {"exact": True}), ("bayes", {})],
     ["bayes", "bayes:exact=true", "bayes"]),
])  # yapf: disable
def test_a_spelling_that_means_two_members_tells_in_what_they_differ(records, spellings):
    """As where the default of an option has changed since the older cells were made."""
    rows = summary_rows([bayes(written, **options) for written, options in records])
    assert [row["adversary"] for row in rows] == spellings


def test_the_strongest_thief_is_marked():
    weaker = record(adversary="probabilities")
    weaker["metrics"]["agreement_validation"] = 0.1
    rows = summary_rows([weaker, record()])
    assert [row["is_strongest"] for row in rows] == [False, True]


@pytest.mark.parametrize("column, cell, entries, expected", [
    ("victim_seed", {
        "victim_seed": 2
    }, {
        "victim": {
            "config": {
                "seed": 1
            }
        }
    }, 2),
    ("victim_seed", {}, {
        "victim": {
            "config": {
                "seed": 1
            }
        }
    }, 1),
    ("split_seed", {
        "split_seed": 3
    }, {
        "config": {
            "split_seed": 0
        }
    }, 3),
    ("split_seed", {}, {
        "config": {
            "split_seed": 0
        }
    }, 0),
    ("split_seed", {}, {}, None),
    ("clone_architecture", {
        "clone_architecture": "cnn"
    }, {
        "config": {
            "clone": {}
        }
    }, "cnn"),
    ("clone_architecture", {}, {
        "config": {
            "clone": {
                "architecture": "mlp"
            }
        }
    }, "mlp"),
    ("victim_fingerprint", {}, {
        "victim": {
            "fingerprint": "f"
        }
    }, "f"),
    ("test_rows", {}, {
        "rows": {
            "test_rows": "t"
        }
    }, "t"),
])
def test_what_a_cell_does_not_vary_is_that_of_its_run(column, cell, entries, expected):
    result = record(**entries)
    result["cell"].update(cell)
    assert summary_rows([result])[0][column] == expected


@pytest.mark.parametrize("texts, chosen, recipe", [
    (["adam:steps=5", "sgd:epochs=2"], [False, True], "sgd:epochs=2"),
    (["adam:steps=5", "sgd:epochs=2"], [True, False], "adam:steps=5"),
    (["adam:steps=5"], [], None),
    (None, [], None),
])
def test_the_chosen_recipe_is_told(texts, chosen, recipe):
    candidates = [{"agreement_validation": 0.5, "is_chosen": is_chosen} for is_chosen in chosen]
    made = record(config={"recipes": texts}, clone={"candidates": candidates})
    assert summary_rows([made])[0]["recipe"] == recipe
    assert summary_rows([record()])[0]["recipe"] is None


def test_victims_of_one_name_stay_apart():
    """In one column they were the architecture's name alone, and their rows merged."""
    records = [record(victim={"name": "mlp", "fingerprint": name}) for name in "ab"]
    assert [row["victim_fingerprint"] for row in summary_rows(records)] == ["a", "b"]
