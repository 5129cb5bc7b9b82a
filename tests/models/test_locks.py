"""Locks between processes."""
import errno
import fcntl
import multiprocessing
import os
import signal

import pytest

from models.locks import lock


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


def test_a_file_system_without_locks_holds_up_nobody_and_other_errors_are_told(
        tmp_path, monkeypatch):

    def fail(*_):
        raise OSError(number, "no")

    monkeypatch.setattr(fcntl, "lockf", fail)
    for number in (errno.ENOLCK, errno.ENOSYS):
        with lock(tmp_path / "lock", wait=True) as got:
            assert got
    number = errno.EIO
    with pytest.raises(OSError, match="no"), lock(tmp_path / "lock", wait=True):
        pass


def count_up(path, counter, times):
    for _ in range(times):
        with lock(path, wait=True):
            number = int(counter.read_text())
            counter.write_text(str(number + 1))


def test_those_who_wait_hold_it_one_after_the_other(tmp_path):
    """Also where its file is removed while others wait for it."""
    counter, spawn = tmp_path / "counter", multiprocessing.get_context("spawn")
    counter.write_text("0")
    arguments = (tmp_path / "lock", counter, 300)
    others = [spawn.Process(target=count_up, args=arguments) for _ in range(4)]
    for other in others:
        other.start()
    for other in others:
        other.join(120)
    assert counter.read_text() == "1200"
