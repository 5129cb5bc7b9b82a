"""Runs do not continue with other data, another victim, or a defence that behaves differently."""

import json

import numpy as np
import pytest

from attacks.results import staleness
from attacks.results.staleness import fixed_answers
from attacks.results.staleness import largest_difference
from attacks.results.staleness import refuse_stale
from revsig_keras.defences.catalogue import DEFENCES
from revsig_keras.defences.rounding import Rounding
from tests.attacks.programs import call
from tests.attacks.programs import summary

DETERMINISTIC = ("reverse_sigmoid", "reverse_sigmoid:preserve_top1=false", "rounding", "top_k",
                 "label_only", "random_noise:seed=3")
SMALL = ("--victim_architecture=mlp", "--victim_steps=5", "--clone_architecture=mlp", "--steps=5",
         "--budgets=10", "--adversaries=labels", "--defences=none,rounding")


def origin(**changes):
    made = {
        "dataset": {
            "fingerprint": "d" * 64,
            "num_classes": 10
        },
        "victim": {
            "fingerprint": "v" * 64
        },
        "hardware": {
            "replicas": 1
        },
    }
    return {**made, **changes}


def record(defence="rounding", **changes):
    cell = {"defence": defence, "resolved": {"defence": dict(name=DEFENCES.resolve(defence)[0])}}
    answers = {"defence_answers": fixed_answers(defence, 10)}
    return {"id": "a-cell", "commit": "c0ffee", "cell": cell, **origin(), **answers, **changes}


def behave_differently(monkeypatch, by):
    """Changes what `Rounding` answers, as an edit of its code would."""
    perturb = Rounding.perturb
    monkeypatch.setattr(Rounding, "perturb", lambda self, y: (1 - by) * perturb(self, y) + by / 10)


def test_a_defence_whose_code_was_changed_between_two_runs_is_refused(tmp_path, monkeypatch):
    """It was not: the same command showed the old figures."""
    assert call(*SMALL, f"--output_dir={tmp_path}") == 0
    assert call(*SMALL, f"--output_dir={tmp_path}") == 0
    before = summary(tmp_path)
    behave_differently(monkeypatch, by=0.1)
    for more in ((), ("--seeds=0,1",), ("--defences=none,rounding,top_k",)):
        error = call(*SMALL, *more, f"--output_dir={tmp_path}")
        assert isinstance(error, str) and "rounding answered 64 fixed rows differently" in error
        assert "Name another directory" in error
    assert summary(tmp_path) == before
    assert all(path.stat().st_size < 20_000 for path in (tmp_path / "cells").iterdir())


@pytest.mark.parametrize("by, refused", [(0.1, True), (1e-3, True), (1e-7, False), (0, False)])
def test_differences_up_to_rounding_are_none(monkeypatch, by, refused):
    there = record()
    behave_differently(monkeypatch, by)
    if not refused:
        refuse_stale([there], origin(), "a directory")
        return
    with pytest.raises(ValueError, match="rounding answered.*L1 distance of .*commit c0ffee"):
        refuse_stale([there], origin(), "a directory")


@pytest.mark.parametrize("name, entry, now", [("dataset", "fingerprint", "other"),
                                              ("victim", "fingerprint", "other"),
                                              ("hardware", "replicas", 2)])
def test_every_record_is_compared_and_not_only_the_first(name, entry, now):
    changed = {**origin()[name], entry: now}
    with pytest.raises(ValueError, match=f"results of the same {name}.*{entry}"):
        refuse_stale([record(), record(**{name: changed})], origin(), "a directory")


def test_what_older_records_lack_is_not_held_against_them(monkeypatch):
    old = record(hardware={}, victim={}, dataset={}, commit=None)
    del old["defence_answers"]
    behave_differently(monkeypatch, by=0.5)
    refuse_stale([old], origin(), "a directory")
    with pytest.raises(ValueError, match="with the replicas 1, and now 2"):
        refuse_stale([old], origin(hardware={"replicas": 2}), "a directory")


@pytest.mark.parametrize("num_classes", [2, 10, 1000])
@pytest.mark.parametrize("defence", DETERMINISTIC)
def test_the_answers_of_a_defence_are_few_and_always_the_same(defence, num_classes):
    answers = fixed_answers(defence, num_classes)
    assert len(answers) == 128 and json.loads(json.dumps(answers)) == answers
    assert largest_difference(answers, fixed_answers(defence, num_classes)) == 0


@pytest.mark.parametrize("num_classes", [2, 10, 1000])
def test_defences_are_told_apart(num_classes):
    defences = ("reverse_sigmoid:beta=.9", "reverse_sigmoid:beta=.901", "rounding", "label_only",
                "random_noise:seed=3", "random_noise:seed=4")
    answers = [fixed_answers(defence, num_classes) for defence in defences]
    for place, one in enumerate(answers):
        for other in answers[:place]:
            assert largest_difference(one, other) > staleness.TOLERANCE


@pytest.mark.parametrize("num_classes", [2, 3, 1000])
def test_the_fixed_rows_are_distributions_from_uniform_to_certain(num_classes):
    rows = staleness._fixed_rows(num_classes)
    assert rows.shape == (64, num_classes) and rows.dtype == np.float32 and (rows >= 0).all()
    np.testing.assert_allclose(rows.sum(axis=1), 1, atol=1e-6)
    assert (rows[0] == rows[0, 0]).all() and rows[1].max() == 1
    assert rows[48:].max(axis=1).mean() > rows[2:16].max(axis=1).mean()
    signs = staleness._fixed_signs(num_classes)
    assert (signs < 0).sum(axis=-1).tolist() == [[num_classes // 2] * 2] * 64


def test_the_fixed_rows_never_change():
    """Or all results so far would be refused."""
    expected = np.float32([0.14673231542110443, 0.18966557085514069, 0.6636021137237549])
    np.testing.assert_array_equal(staleness._fixed_rows(3)[2], expected)


def test_a_defence_that_answers_at_random_has_nothing_to_compare(monkeypatch):
    rng = np.random.default_rng(0)
    monkeypatch.setattr(Rounding, "perturb",
                        lambda self, y: rng.dirichlet(np.ones(y.shape[1]), len(y)))
    assert fixed_answers("rounding", 10) is None
    refuse_stale([record()], origin(), "a directory")


def test_a_defence_that_has_begun_to_answer_at_random_behaves_differently(monkeypatch):
    there = record()
    monkeypatch.setattr(staleness, "fixed_answers", lambda *_: None)
    with pytest.raises(ValueError, match="L1 distance of inf or more"):
        refuse_stale([there], origin(), "a directory")
