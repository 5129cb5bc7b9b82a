"""Locks between processes."""
import errno
import fcntl
import subprocess
import sys

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
    """Another process that locks; it does without the package, and so without TensorFlow."""
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


def test_those_who_wait_hold_it_one_after_the_other(tmp_path):
    """Also where its file is removed while others wait for it."""
    counter = tmp_path / "counter"
    counter.write_text("0")
    others = [start(COUNT_UP, path=tmp_path / "lock", counter=counter) for _ in range(4)]
    for other in others:
        other.communicate(timeout=120)
        assert other.returncode == 0
    assert counter.read_text() == "1200"
