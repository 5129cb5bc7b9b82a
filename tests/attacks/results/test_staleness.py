"""Runs do not continue with other data, another victim, or a defence that behaves differently."""

import numpy as np
import pytest

from attacks.oracle.defences import fixed_answers
from attacks.results import staleness
from attacks.results.staleness import refuse_stale
from revsig_keras.defences.catalogue import DEFENCES
from revsig_keras.defences.rounding import Rounding
from tests.attacks.programs import call
from tests.attacks.programs import summary

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


def test_entries_that_older_records_lack_are_not_compared(monkeypatch):
    old = record(hardware={}, victim={}, dataset={}, commit=None)
    del old["defence_answers"]
    behave_differently(monkeypatch, by=0.5)
    refuse_stale([old], origin(), "a directory")
    with pytest.raises(ValueError, match="with the replicas 1, and now 2"):
        refuse_stale([old], origin(hardware={"replicas": 2}), "a directory")


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


def test_changed_files_are_refused_and_others_are_not_compared():
    there = record(files={"pool.npz": "a" * 64, "old.npz": "b" * 64})
    for files in ({}, {"new.npz": "c" * 64}, {"pool.npz": "a" * 64}):
        refuse_stale([there, record()], origin(files=files), "runs")
    with pytest.raises(ValueError, match="results of the same pool.npz.*aaaa, and now cccc"):
        refuse_stale([there], origin(files={"pool.npz": "c" * 64}), "runs")
