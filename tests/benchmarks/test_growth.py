"""What is said of growth follows from what runs take; a run starts without what it does not use."""
import contextlib
import json
import sys

import pytest

from benchmarks import growth
from benchmarks import startup
from benchmarks import whole_run

# Slow to import, and of no use before the first step of the quickstart.
UNUSED = {
    "grpc", "h5py._hl", "jax", "matplotlib", "pandas", "requests", "scipy.stats", "sklearn.cluster",
    "sklearn.isotonic", "sklearn.linear_model", "sklearn.metrics", "sklearn.neighbors",
    "tensorflow_datasets", "tensorflow_serving", "torch"
}


def rows(monkeypatch, seconds, megabytes):
    """The rows where a run of a size takes so much."""

    def run(path, arguments):
        flags = dict(argument.removeprefix("--").split("=") for argument in arguments)
        lists = [flags[name].split(",") for name in ("budgets", "seeds", "defences")]
        size = int(lists[0][0]) if len(lists[2]) == 1 else len(lists[0]) * len(lists[1]) * 2
        return {"seconds": seconds(size), "megabytes": megabytes(size)}

    monkeypatch.setattr(growth, "_run", run)
    monkeypatch.setattr(growth, "ROWS", {"budget": 10, "cells": 10})
    with contextlib.ExitStack() as stack:
        return {case.name: case.measure()[0] for case in growth.cases(False, stack)}


def test_linear_time_and_flat_memory_are_told_from_others(monkeypatch):
    linear = rows(monkeypatch, lambda size: 5 + 1e-3 * size, lambda size: 700)
    assert {row.verdict for row in linear.values()} == {"ok"}
    time = linear["growth/cells=1000/time"]
    assert time.ours == pytest.approx(1.0) and time.unit == "ms"
    worse = rows(monkeypatch, lambda size: 5 + 1e-5 * size**1.5, lambda size: 700 + size)
    assert worse["growth/budget=100000/time"].verdict == "OVER"
    assert worse["growth/cells=1000/memory"].verdict == "OVER"
    assert worse["growth/cells=1000/memory"].ratio == pytest.approx(1700 / 800)


def test_a_whole_run_says_last_what_it_took(monkeypatch, capsys):
    monkeypatch.setattr(whole_run.run, "main", lambda: print("a table") or sys.exit(2))
    with pytest.raises(SystemExit, match="2"):
        whole_run.main()
    said = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert said["seconds"] > 0 and said["megabytes"] > 50
    with pytest.raises(RuntimeError, match="nonsense.py failed"):
        startup.call("nonsense.py")


@pytest.mark.slow
def test_the_quickstart_starts_without_what_it_does_not_use():
    modules = startup.imported()
    assert {"attacks.run", "models.training.trainer", "sklearn.datasets"} <= set(modules)
    parts = [name.split(".") for name in modules]
    found = {".".join(part[:end]) for part in parts for end in (1, 2)} & UNUSED
    assert not found
