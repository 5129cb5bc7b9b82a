"""Locks between processes."""
import multiprocessing
import os
import signal

from attacks.locks import lock


def hold(path, is_held, may_end):
    with lock(path, wait=True) as got:
        if got:
            is_held.set()
            may_end.wait(60)


def test_a_lock_is_held_by_one_process_and_freed_when_it_is_killed(tmp_path):
    path, spawn = tmp_path / "lock", multiprocessing.get_context("spawn")
    for how in ("end", "kill"):
        is_held, may_end = spawn.Event(), spawn.Event()
        other = spawn.Process(target=hold, args=(path, is_held, may_end))
        other.start()
        assert is_held.wait(60)
        with lock(path, wait=False) as got:
            assert not got
        may_end.set() if how == "end" else os.kill(other.pid, signal.SIGKILL)
        other.join(60)
        with lock(path, wait=False) as got:
            assert got
    assert not path.exists()


def test_a_lock_is_freed_by_an_error(tmp_path):
    path = tmp_path / "lock"
    try:
        with lock(path, wait=False):
            raise KeyError
    except KeyError:
        pass
    with lock(path, wait=False) as got:
        assert got
