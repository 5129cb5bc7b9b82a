"""Locks between processes and between threads."""
import errno
import fcntl
import subprocess
import sys
import threading

import pytest

from models.processes import locks
from models.processes.locks import lock

HOLD = """
with lock(path, wait=True) as got:
    print(got, flush=True)
    input()
"""
COUNT_UP = """
for _ in range(300):
    with lock(path, wait=True):
        number = int(counter.read_text())
        counter.write_text(str(number + 1))
"""


def start(code, **paths):
    """Starts another process that locks, without the package and so without TensorFlow."""
    lines = [
        "import pathlib, runpy", f"lock = runpy.run_path({locks.__file__!r})['lock']",
        *(f"{name} = pathlib.Path({str(path)!r})" for name, path in paths.items()), code
    ]
    return subprocess.Popen([sys.executable, "-c", "\n".join(lines)],
                            stdin=subprocess.PIPE,
                            stdout=subprocess.PIPE,
                            text=True)


@pytest.mark.parametrize("how", ["end", "kill"])
def test_a_lock_is_held_by_one_process_and_freed_when_it_ends(tmp_path, how):
    path = tmp_path / "lock"
    with start(HOLD, path=path) as other:
        assert other.stdout.readline() == "True\n"
        with lock(path, wait=False) as got:
            assert not got
        if how == "kill":
            other.kill()
            other.wait()
        else:
            other.communicate("\n", timeout=60)
            assert other.returncode == 0
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


def test_a_file_system_without_locks_grants_them_to_all_and_other_errors_are_raised(
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


def test_waiting_processes_hold_it_one_after_the_other(tmp_path):
    """Although its file is removed while others wait for it."""
    counter = tmp_path / "counter"
    counter.write_text("0")
    others = [start(COUNT_UP, path=tmp_path / "lock", counter=counter) for _ in range(4)]
    for other in others:
        other.communicate(timeout=120)
        assert other.returncode == 0
    assert counter.read_text() == "1200"


def in_thread(function):
    thread = threading.Thread(target=function)
    thread.start()
    return thread


def try_in_thread(path):
    """What another thread of this process is granted."""
    granted = []

    def hold():
        with lock(path, wait=False) as got:
            granted.append(got)

    in_thread(hold).join()
    return granted[0]


TRY = """
with lock(path, wait=False) as got:
    print(got)
"""


def test_one_thread_of_a_process_holds_it_and_the_attempt_of_another_frees_nothing(tmp_path):
    path = tmp_path / "lock"
    with lock(path, wait=False) as got:
        assert got and not try_in_thread(path)
        (tmp_path / "link").symlink_to(path)
        assert not try_in_thread(tmp_path / "link")
        with lock(path, wait=False) as again:
            assert not again, "nor is it granted to one thread twice"
        with start(TRY, path=path) as other:
            assert other.communicate(timeout=60)[0] == "False\n"
        assert path.exists()
    assert try_in_thread(path) and not path.exists()


def test_waiting_threads_hold_it_one_after_the_other(tmp_path):
    held, most = [], []

    def hold():
        for _ in range(50):
            with lock(tmp_path / "lock", wait=True) as got:
                held.append(got)
                most.append(len(held))
                held.pop()

    for thread in [in_thread(hold) for _ in range(4)]:
        thread.join()
    assert most == [1] * 200


def test_a_thread_does_not_wait_for_itself(tmp_path):
    with lock(tmp_path / "lock", wait=True):
        with pytest.raises(RuntimeError, match="is locked by this thread"):
            with lock(tmp_path / "lock", wait=True):
                pass
        assert not try_in_thread(tmp_path / "lock")
    assert try_in_thread(tmp_path / "lock")


CROSSED = """
import threading, time

held = threading.Event()

def hold():
    with lock(first, wait=True):
        held.set()
        time.sleep(2)

def wait():
    held.wait()
    time.sleep(pause)
    with lock(second, wait=True):
        pass

def guarded(function):
    try:
        function()
    except OSError as error:
        print(error)

threads = [threading.Thread(target=guarded, args=(function,)) for function in (hold, wait)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
"""


def test_threads_of_two_processes_may_wait_for_each_other(tmp_path):
    """The system takes that for a deadlock, since it does not know of threads."""
    names = [tmp_path / "a", tmp_path / "b"]
    others = [start(f"pause = {pause}\n{CROSSED}", first=first, second=second)
              for first, second, pause in ((*names, 0.5), (*names[::-1], 1.0))]  # yapf: disable
    for other in others:
        assert other.communicate(timeout=120)[0] == "" and other.returncode == 0


def test_locks_of_different_files_are_independent(tmp_path):
    with lock(tmp_path / "one", wait=True), lock(tmp_path / "two", wait=True) as got:
        assert got
