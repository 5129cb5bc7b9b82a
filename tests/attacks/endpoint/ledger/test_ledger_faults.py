"""A ledger survives killed processes, full disks, and two runs at a time."""
import errno
import os
import pathlib
import random
import resource
import signal
import subprocess
import sys
import time

from absl import logging
import numpy as np
import pytest

from attacks.endpoint.ledger import log
from attacks.endpoint.ledger.ledger import Ledger
from attacks.endpoint.ledger.ledger import LedgerError
from attacks.endpoint.ledger.ledger import LedgerFullError
from attacks.endpoint.ledger.records import Bill
from tests.attacks.endpoint.ledger.ledgers import answered
from tests.attacks.endpoint.ledger.ledgers import answers_of
from tests.attacks.endpoint.ledger.ledgers import ask
from tests.attacks.endpoint.ledger.ledgers import ENDPOINT
from tests.attacks.endpoint.ledger.ledgers import key_of

# Without running `attacks/__init__.py`, which takes seconds.
CHILD = """
import itertools, resource, sys, types
package = types.ModuleType("attacks")
package.__path__ = [sys.argv[1]]
sys.modules["attacks"] = package
import numpy as np
from attacks.endpoint.ledger.ledger import Ledger

def batch(number, size=4, classes=10):
    keys = [((number * size + row).to_bytes(16, "big"), 0) for row in range(size)]
    return keys, np.stack([np.full(classes, int.from_bytes(key[0], "big"), np.float32)
                           for key in keys])
"""


def start(script, *args, **kwargs):
    """Starts a program after `CHILD`."""
    attacks = pathlib.Path(__file__).parents[4] / "attacks"
    return subprocess.Popen([sys.executable, "-c", CHILD + script, attacks, *map(str, args)],
                            stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE,
                            text=True,
                            **kwargs)


@pytest.fixture(name="path")
def path_fixture(tmp_path):
    """Where a ledger can be made."""
    return str(tmp_path / "ledger.db")


@pytest.fixture(name="warnings")
def warnings_fixture(monkeypatch):
    """The warnings of a test."""
    lines = []
    monkeypatch.setattr(logging, "warning", lambda text, *args: lines.append(text % args))
    return lines


@pytest.mark.parametrize("seed", range(5))
def test_a_kill_loses_nothing_that_was_written(path, seed):
    """Killed at any moment, in a call or between two."""
    child = start(
        """
with Ledger(sys.argv[2], reserve_bytes=0) as ledger:
    target = ledger.target("endpoint", "1")
    for number in itertools.count():
        keys, answers = batch(number)
        ledger.intend(target, keys, "run", "thief")
        print("intended", number, flush=True)
        ledger.settle([(target, keys, answers)])
        print("settled", number, flush=True)
""", path)
    lines = [child.stdout.readline()]
    time.sleep(random.Random(seed).uniform(0, .2))
    child.send_signal(signal.SIGKILL)
    lines += child.stdout.read().splitlines()
    child.communicate()
    done = [line.split() for line in lines if line.split()[1:]]
    with Ledger(path, reserve_bytes=0) as ledger:
        target = ledger.target("endpoint", "1")
        found = answered(ledger, target, range(4 * (len(done) + 2)))
        intended, settled = [4 * sum(state == each for state, _ in done)
                             for each in ("intended", "settled")]  # yapf: disable
        assert found.issuperset(range(settled)) and len(found) <= intended
        sent = len(found) + ledger.in_doubt(target)
        assert intended <= sent <= intended + 4
        assert ledger.bill("run", "thief") == Bill(sent, 0)


# Asks until nothing more fits, then says what it was at.
FILL = """
limit = int(sys.argv[3])
if limit:
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
try:
    with Ledger(sys.argv[2], reserve_bytes=int(sys.argv[4])) as ledger:
        target = ledger.target("endpoint", "1")
        for number in itertools.count():
            keys, answers = batch(number, size=int(sys.argv[5]))
            state = "intending"
            ledger.intend(target, keys, "run", "thief")
            state = "settling"
            ledger.settle([(target, keys, answers)])
except OSError as error:
    print(state, number, type(error).__name__, error, sep="|")
"""


def check_filled(path, line, size, reserved):
    """Checks the content of a ledger after its disk was full, as the output `line` tells."""
    state, number, kind, message = line.split("|")
    number = int(number)
    kept = size * (number + (state == "settling" and reserved))
    assert kind == "LedgerFullError" and path in message
    assert f"{kept} answers are safe" in message and "same command again" in message
    with Ledger(path, reserve_bytes=0) as ledger:
        target = ledger.target("endpoint", "1")
        assert answered(ledger, target, range(size * (number + 1))) == set(range(kept))
        sent = size * (number + (state == "settling"))
        assert ledger.bill("run", "thief") == Bill(sent, 0)
        assert ledger.in_doubt(target) == sent - kept
        ask(ledger, target, range(10**6, 10**6 + 100))
    return state


TINY = """
mount -t tmpfs -o size=2m tiny "$0/disk" || exit 77
"$@" || exit 1
cp "$0/disk"/ledger.db* "$0"
"""


def test_a_full_disk_loses_no_answer(tmp_path):
    """On a real file system: the reserve makes room for the answers in progress."""
    attacks = pathlib.Path(__file__).parents[4] / "attacks"
    states = set()
    for size in (100, 150, 200):
        directory = tmp_path / str(size)
        (directory / "disk").mkdir(parents=True)
        disk, kept = (str(each / "ledger.db") for each in (directory / "disk", directory))
        fill = [sys.executable, "-c", CHILD + FILL, attacks, disk, "0", str(2**19), str(size)]
        result = subprocess.run(["unshare", "-rm", "sh", "-c", TINY, directory, *fill],
                                capture_output=True,
                                text=True,
                                check=False)
        if result.returncode == 77 or "unshare" in result.stderr:
            pytest.skip(f"no file system can be mounted here: {result.stderr}")
        assert result.returncode == 0, result.stderr
        line = result.stdout.strip().replace(disk, kept)
        states.add(check_filled(kept, line, size, reserved=True))
    assert "settling" in states


def test_a_limit_on_file_sizes_ends_a_run_in_good_order(tmp_path):
    """The reserve does not help then, and rows whose answers cannot be kept are in doubt."""
    states = set()
    for limit in (34_000, 36_000):
        path = str(tmp_path / f"ledger-{limit}.db")
        output, errors = start(FILL, path, limit, 0, 50).communicate()
        assert not errors
        states.add(check_filled(path, output.strip(), 50, reserved=False))
    assert states == {"intending", "settling"}


@pytest.fixture(name="disk")
def disk_fixture(monkeypatch):
    """Sets how many more bytes fit on the disk; None for any number."""
    pwrite, room = os.pwrite, [None]

    def write(fd, data, offset):
        if room[0] is None or not offset:  # The head is written in its place.
            return pwrite(fd, data, offset)
        if not room[0]:
            raise OSError(errno.ENOSPC, "No space left on device")
        written = pwrite(fd, data[:room[0]], offset)
        room[0] -= written
        return written

    monkeypatch.setattr(os, "pwrite", write)
    return lambda size: room.__setitem__(0, size)


@pytest.mark.parametrize("room", [0, 1, 30, 1000])
def test_a_full_disk_before_sending(room, path, disk):
    """Nothing is billed, so nothing may be sent; the same command goes on when there is room."""
    with Ledger(path, reserve_bytes=0) as ledger:
        target, size = ledger.target(ENDPOINT, "1"), os.path.getsize(path)
        disk(room)
        with pytest.raises(LedgerFullError, match="0 answers are safe.*same command again"):
            ask(ledger, target, range(500))
        assert ledger.bill("run", "thief") == Bill() and ledger.in_doubt(target) == 0
        assert os.path.getsize(path) == size
        disk(None)
        ask(ledger, target, range(500))
    with Ledger(path, reserve_bytes=0) as ledger:
        assert len(answered(ledger, target, range(500))) == 500
        assert ledger.bill("run", "thief") == Bill(500, 0)


def test_the_reserve_is_made_again(path, disk):
    """Once there is room. It was too small in this case."""
    with Ledger(path, reserve_bytes=10000) as ledger:
        assert os.path.getsize(f"{path}.reserve") == 10000
        target = ledger.target(ENDPOINT, "1")
        ask(ledger, target, range(500), settled=False)
        disk(5000)
        with pytest.raises(LedgerFullError):
            keys = [key_of(number) for number in range(500)]
            ledger.settle([(target, keys, np.zeros([500, 100], np.float32))])
        assert not os.path.exists(f"{path}.reserve")
    with Ledger(path, reserve_bytes=10000) as ledger:
        assert os.path.getsize(f"{path}.reserve") == 10000
        assert ledger.in_doubt(target) == 500 and not answered(ledger, target, range(500))


def test_a_write_that_fails_is_taken_back(path, monkeypatch):
    """A write that the disk does not confirm is taken back, in memory and in the file."""
    with Ledger(path, reserve_bytes=0) as ledger:
        target, keys = ledger.target(ENDPOINT, "1"), [key_of(1)]
        ledger.intend(target, keys, "run", "thief")

        def fail(fd):
            raise OSError(errno.EIO, "Input/output error")

        with monkeypatch.context() as patch:
            patch.setattr(log, "_sync", fail)
            with pytest.raises(LedgerError, match="Input/output error. 0 answers are safe"):
                ledger.settle([(target, keys, answers_of([1]))])
            with pytest.raises(LedgerError):
                ledger.withdraw(target, keys, "run", "thief")
        assert not answered(ledger, target, [1]) and ledger.in_doubt(target) == 1
    with Ledger(path, reserve_bytes=0) as ledger:
        assert not answered(ledger, target, [1]) and ledger.in_doubt(target) == 1
        assert ledger.bill("run", "thief") == Bill(1, 0)


def test_a_warning_tells_that_the_reserve_has_no_room(path, warnings):
    """The run goes on."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, limits[1]))
    try:
        with Ledger(path, reserve_bytes=10**6) as ledger:
            assert ledger.target(ENDPOINT, "1")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    line, = warnings
    assert "reserve of 1000000 bytes" in line and not os.path.exists(f"{path}.reserve")


def test_another_process_is_refused_until_this_one_ends(path):
    """Even if it is killed."""
    script = """
with Ledger(sys.argv[2], reserve_bytes=0):
    print("open", flush=True)
    input()
"""
    first = start(script, path, stdin=subprocess.PIPE)
    assert first.stdout.readline() == "open\n"
    with pytest.raises(ValueError, match="`ledger` must not be in use by another run"):
        Ledger(path)
    first.kill()
    first.communicate()
    with Ledger(path, reserve_bytes=0):
        second = start(script, path)
        assert "in use by another run" in second.communicate()[1]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_directory_that_cannot_be_written_is_refused(path, tmp_path):
    """Before anything is asked."""
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(ValueError, match="can be written"):
            Ledger(path)
    finally:
        tmp_path.chmod(0o700)
