"""Several cells at a time: each once, with a trainer of its own, and ended by the first error."""

import itertools
import os
import threading

import pytest
import tensorflow as tf

from attacks.grid.cell import Cell
from attacks.schedule import parallel
from attacks.schedule.parallel import clones_at_once
from attacks.schedule.parallel import group_cells
from attacks.schedule.parallel import run_groups
from attacks.schedule.parallel import share_cores
from tests.attacks.grid.test_config import run_config


def cells(budgets=(1, 2, 3)):
    return [
        Cell(defence, "sample", adversary, budget, 0)
        for budget, adversary, defence in itertools.product(budgets, ("probabilities",
                                                                      "labels"), ("none", "top_k"))
    ]


def test_thieves_of_the_same_queries_stay_together():
    grouped = group_cells(cells())
    assert [len(group) for group in grouped] == [4, 4, 4] and sum(grouped, []) == cells()
    assert all(len({cell.budget for cell in group}) == 1 for group in grouped)


def test_a_clone_on_all_devices_is_alone():
    for distribution in ("mirrored", "multi_worker", "tpu"):
        assert clones_at_once(run_config(clones_per_device=1), distribution) == 1
        assert clones_at_once(run_config(), distribution) == 1
        with pytest.raises(ValueError, match="must be 1 where each clone is trained on all dev"):
            clones_at_once(run_config(clones_per_device=2), distribution)


@pytest.mark.parametrize("cores, seeds, number, why", [
    (1, 9, 1, "there are 1 processor cores"),
    (3, 9, 3, "there are 3 processor cores"),
    (64, 9, 8, "there are 64 processor cores"),
    (64, 1, 2, "no more cells can be done side by side"),
])
def test_auto_takes_as_many_as_there_are_cores_or_groups(cores, seeds, number, why, monkeypatch,
                                                         caplog):
    caplog.set_level("INFO", "attacks")
    monkeypatch.setattr(parallel, "usable_cores", lambda: cores)
    grid = {"budgets": (10, 20), "seeds": tuple(range(seeds))}
    assert clones_at_once(run_config(**grid), "one_device") == number
    assert f"clones_per_device=auto: {number}, as {why}" in caplog.text
    with_victims = run_config(**grid, victim_seeds=(0, 1))
    assert clones_at_once(with_victims, "one_device") == number, "Victims are attacked in turn."


@pytest.mark.parametrize("cores, clones, threads", [(2, 2, 1), (2, 3, 1), (16, 8, 2), (7, 2, 3)])
def test_cores_are_shared_by_clones(cores, clones, threads, monkeypatch):
    done = []
    monkeypatch.setattr(parallel, "usable_cores", lambda: cores)
    monkeypatch.setattr(tf.config.threading, "set_intra_op_parallelism_threads", done.append)
    monkeypatch.setattr(tf.config.threading, "get_intra_op_parallelism_threads", lambda: 0)
    monkeypatch.delenv("TF_NUM_INTRAOP_THREADS", raising=False)
    share_cores(clones)
    assert done == [threads]
    share_cores(1)
    monkeypatch.setenv("TF_NUM_INTRAOP_THREADS", "2")
    share_cores(clones)
    monkeypatch.delenv("TF_NUM_INTRAOP_THREADS")
    monkeypatch.setattr(tf.config.threading, "get_intra_op_parallelism_threads", lambda: 5)
    share_cores(clones)
    assert done == [threads], "One clone has all cores, and the user's choice stays."


def test_tensorflow_that_has_started_keeps_its_threads():
    tf.constant(0)
    before = tf.config.threading.get_intra_op_parallelism_threads()
    share_cores(1000)
    assert tf.config.threading.get_intra_op_parallelism_threads() == before


def test_systems_that_do_not_say_which_cores_may_be_used_have_cores_all_the_same(monkeypatch):
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 5)
    assert parallel.usable_cores() == 5


@pytest.mark.parametrize("trainers", [1, 2, 5])
def test_each_cell_is_done_once_by_a_trainer_that_nobody_else_uses(trainers):
    done, busy, most = [], set(), []

    def run(cell, trainer, check):
        assert trainer not in busy
        busy.add(trainer)
        most.append(len(busy))
        if trainers > 1 and len(most) <= 2:
            both.wait(timeout=20)  # Two cells are at it at one time.
        check()
        done.append(cell)
        busy.remove(trainer)

    both = threading.Barrier(2)
    run_groups(group_cells(cells()), run, range(trainers))
    assert sorted(map(str, done)) == sorted(map(str, cells()))
    assert min(trainers, 2) <= max(most) <= trainers


def test_the_first_error_ends_the_others():
    failed, ended = threading.Event(), []

    def run(cell, trainer, check):
        if cell.budget == 2:
            failed.set()
            raise ValueError("no such thing")
        failed.wait(timeout=20)
        try:
            for _ in range(2000):
                check()
                threading.Event().wait(0.01)
        finally:
            ended.append(cell)

    with pytest.raises(ValueError, match="no such thing"):
        run_groups(group_cells(cells()), run, range(2))
    assert ended == [cells()[0]]
