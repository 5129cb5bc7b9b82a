"""Several cells at a time: each once, with a trainer of its own, and ended by the first error."""

import itertools
import os
import threading

import pytest

from attacks.grid.cell import Cell
from attacks.schedule import parallel
from attacks.schedule.parallel import clones_at_once
from attacks.schedule.parallel import group_cells
from attacks.schedule.parallel import run_groups
from models.processes.strategy import make_strategy
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
    """Also where it is `auto` that has chosen them."""
    mirrored = make_strategy("mirrored")
    assert clones_at_once(run_config(clones_per_device=1), mirrored) == 1
    assert clones_at_once(run_config(), mirrored) == 1
    with pytest.raises(ValueError, match="must be 1 where each clone is trained on all devices"):
        clones_at_once(run_config(clones_per_device=2), mirrored)


def test_auto_takes_as_many_as_there_are_cores_up_to_a_limit(monkeypatch, caplog):
    caplog.set_level("INFO", "attacks")
    one_device = make_strategy("one_device")
    for cores, number in ((1, 1), (3, 3), (64, 8)):
        monkeypatch.setattr(parallel, "usable_cores", lambda cores=cores: cores)
        assert clones_at_once(run_config(), one_device) == number
        assert f"auto: {number}, as there are {cores} processor" in caplog.text
        caplog.clear()


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
