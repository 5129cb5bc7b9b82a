"""What can befall a ledger: killed processes, torn and damaged files, full disks, two runs."""
import os
import pathlib
import random
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
import time

from absl import logging
import numpy as np
import pytest

from attacks.endpoint.ledger import salvage
from attacks.endpoint.ledger.file import LedgerError
from attacks.endpoint.ledger.file import LedgerFullError
from attacks.endpoint.ledger.ledger import Bill
from attacks.endpoint.ledger.ledger import Ledger

ENDPOINT = "http://host:8501/v1/models/victim"
PAGE = 4096
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


def key_of(number):
    """The key of a made-up input."""
    return number.to_bytes(16, "big"), 0


def answer_of(number, classes=10):
    """Its answer."""
    return np.full(classes, number, np.float32)


def ask(ledger, target, numbers, classes=10, settled=True):
    """Asks a batch."""
    keys = [key_of(number) for number in numbers]
    ledger.intend(target, keys, "run", "thief")
    if settled:
        answers = np.stack([answer_of(number, classes) for number in numbers])
        ledger.settle([(target, keys, answers)])


def check_answers(found):
    """No answer is a wrong one."""
    for (key, _), (_, answer) in found.items():
        assert answer is None or (answer == int.from_bytes(key, "big")).all()


def copied(path, to):
    """Copies a ledger as a crash would leave it."""
    os.makedirs(os.path.dirname(to))
    for suffix in ("", "-wal"):
        if os.path.exists(path + suffix):
            shutil.copyfile(path + suffix, to + suffix)
    return to


@pytest.fixture(name="path")
def path_fixture(tmp_path):
    """Where a ledger can be made."""
    return str(tmp_path / "ledger.db")


@pytest.fixture(name="warnings")
def warnings_fixture(monkeypatch):
    """What was warned of."""
    lines = []
    monkeypatch.setattr(logging, "warning", lambda text, *args: lines.append(text % args))
    return lines


@pytest.mark.parametrize("seed", range(5))
def test_what_was_written_outlives_a_kill(path, seed):
    """At any moment, in a call or between two."""
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
    lines += child.communicate()[0].splitlines()
    done = [line.split() for line in lines if line.split()[1:]]
    with Ledger(path, reserve_bytes=0) as ledger:
        target = ledger.target("endpoint", "1")
        numbers = range(4 * (len(done) + 2))
        found = ledger.find(target, map(key_of, numbers))
        check_answers(found)
        for state, batch in done:
            for number in range(4 * int(batch), 4 * int(batch) + 4):
                sends, answer = found[key_of(number)]
                assert sends == 1 and (state == "intended" or answer is not None)
        assert ledger.bill("run", "thief") == Bill(len(found), 0)
        assert ledger.in_doubt(target) in (0, 4)


def state_of(ledger, target, numbers):
    """All that a ledger says."""
    found = ledger.find(target, map(key_of, numbers))
    check_answers(found)
    return ({
        key: (sends, answer is not None) for key, (sends, answer) in found.items()
    }, ledger.bill("run", "thief"))


def test_a_torn_log_loses_its_tail_only(path, tmp_path):
    """Cut anywhere, it holds a number of whole transactions, the more the longer it is."""
    with Ledger(path, reserve_bytes=0) as ledger:
        target = ledger.target(ENDPOINT, "1")
        states = [state_of(ledger, target, range(40))]
        for first in range(0, 40, 8):
            for settled in (False, True):
                keys = [key_of(number) for number in range(first, first + 8)]
                if settled:
                    answers = np.stack([answer_of(number) for number in range(first, first + 8)])
                    ledger.settle([(target, keys, answers)])
                else:
                    ledger.intend(target, keys, "run", "thief")
                states.append(state_of(ledger, target, range(40)))
        crashed = copied(path, str(tmp_path / "crashed" / "ledger.db"))
    size = os.path.getsize(f"{crashed}-wal")
    reached = 0
    for number, frame in enumerate(range(32, size + 1, 24 + PAGE)):
        for cut in {max(frame - 1, 0), frame, min(frame + 1 + number * 97 % PAGE, size)}:
            torn = copied(crashed, str(tmp_path / f"torn-{cut}" / "ledger.db"))
            os.truncate(f"{torn}-wal", cut)
            with Ledger(torn, reserve_bytes=0) as ledger:
                state = state_of(ledger, ledger.target(ENDPOINT, "1"), range(40))
            assert not [name for name in os.listdir(os.path.dirname(torn)) if "damaged" in name]
            assert state in states
            if cut == frame:
                assert states.index(state) >= reached
                reached = states.index(state)
    assert reached == len(states) - 1


COUNT, LARGE = 700, 6


@pytest.fixture(name="whole", scope="module")
def whole_fixture(tmp_path_factory):
    """A ledger of some fifty pages of all kinds, closed in good order."""
    path = str(tmp_path_factory.mktemp("whole") / "ledger.db")
    rng = random.Random(0)
    with Ledger(path, reserve_bytes=0) as ledger:
        ledger.declare_owned(ENDPOINT)
        ledger.target("other", "1")
        target = ledger.target(ENDPOINT, "1")
        numbers = rng.sample(range(COUNT), COUNT)
        for first in range(0, COUNT, 50):
            ask(ledger, target, numbers[first:first + 50], settled=first < 600)
        ask(ledger, target, range(COUNT, COUNT + LARGE), classes=3000)
    return path


def opened_and_checked(path):
    """The number of asks that a damaged ledger still holds; what is not an ask is all there."""
    for _ in range(2):
        try:
            with Ledger(path, reserve_bytes=0) as ledger:
                assert ledger.is_owned(ENDPOINT) and ledger.versions(ENDPOINT) == ["1"]
                assert ledger.bill("run", "thief") == Bill(COUNT + LARGE, 0)
                target = ledger.target(ENDPOINT, "1")
                found = ledger.find(target, map(key_of, range(COUNT + LARGE)))
                check_answers(found)
                missing = [number for number in range(COUNT + LARGE) if key_of(number) not in found]
                if missing:
                    ask(ledger, target, missing)
                    assert ledger.answered(target) + ledger.in_doubt(target) == COUNT + LARGE
            return len(found)
        except LedgerError as error:
            # Damage that only reading the row shows; the next run saves the rest.
            assert "give the same command again" in str(error)
    raise AssertionError("It was not salvaged.")


def asks_on(page):
    """The most asks that can be on a page."""
    if page[0] == 0x0d:
        return int.from_bytes(page[3:5], "big")
    # The first byte of a page that a large row goes on at is zero.
    return int(page[0] == 0)


def damages(rng):
    """Ways to damage a page."""
    yield "zeros", lambda page: bytes(PAGE)
    yield "noise", lambda page: rng.randbytes(PAGE)
    yield "end", lambda page: page[:PAGE // 2] + rng.randbytes(PAGE // 2)
    yield "begin", lambda page: rng.randbytes(512) + page[512:]
    yield "bytes", lambda page: page[:3000] + rng.randbytes(3) + page[3003:]


@pytest.mark.parametrize("kind", [name for name, _ in damages(random)])
def test_a_damaged_page_harms_what_is_on_it_only(whole, tmp_path, warnings, kind):
    """Each page in turn: never a wrong answer, and the damaged file is kept as it was."""
    damage = dict(damages(random.Random(1)))[kind]
    content = pathlib.Path(whole).read_bytes()
    for start_ in range(0, len(content), PAGE):
        page = content[start_:start_ + PAGE]
        path = str(tmp_path / str(start_ // PAGE + 1) / "ledger.db")
        os.makedirs(os.path.dirname(path))
        harmed = content[:start_] + damage(page) + content[start_ + PAGE:]
        pathlib.Path(path).write_bytes(harmed)
        warnings.clear()
        try:
            saved = opened_and_checked(path)
        except AssertionError as error:
            raise AssertionError(f"Page {start_ // PAGE + 1}") from error
        assert COUNT + LARGE - saved <= asks_on(page), start_ // PAGE + 1
        if warnings:
            line, = warnings
            assert f"{saved} asks were saved" in line and f"{path}.damaged-1." in line
            assert pathlib.Path(f"{path}.damaged-1").read_bytes() == harmed
        else:
            assert saved == COUNT + LARGE


def test_a_file_cut_short_keeps_what_is_left(whole, tmp_path, warnings):
    """At every page, and within the last."""
    size = os.path.getsize(whole)
    before = 0
    for cut in [*range(2 * PAGE, size, 3 * PAGE), size - PAGE, size - PAGE // 2, size - 1]:
        path = copied(whole, str(tmp_path / str(cut) / "ledger.db"))
        os.truncate(path, cut)
        with Ledger(path, reserve_bytes=0) as ledger:
            target = ledger.target(ENDPOINT, "1")
            found = ledger.find(target, map(key_of, range(COUNT + LARGE)))
            check_answers(found)
            assert ledger.answered(target) + ledger.in_doubt(target) == len(found)
        assert len(found) >= before - 1
        before = len(found)
        assert os.path.getsize(f"{path}.damaged-1") == cut
    assert before >= COUNT + LARGE - 1 and warnings


def test_a_salvage_that_is_ended_is_done_again(whole, tmp_path, monkeypatch):
    """Killed before any change of a name, with a log that holds answers of its own."""
    path = copied(whole, str(tmp_path / "first" / "ledger.db"))
    with Ledger(path, reserve_bytes=0) as ledger:
        target = ledger.target(ENDPOINT, "1")
        ask(ledger, target, range(1000, 1050))
        crashed = copied(path, str(tmp_path / "crashed" / "ledger.db"))
    with open(crashed, "r+b") as file:
        file.write(bytes(PAGE))
    rename = os.rename
    for ended in range(5):
        path = copied(crashed, str(tmp_path / str(ended) / "ledger.db"))
        left = ended

        def killed(*args):
            nonlocal left
            left -= 1
            if left < 0:
                raise KeyboardInterrupt
            rename(*args)

        monkeypatch.setattr(os, "rename", killed)
        try:
            Ledger(path, reserve_bytes=0).close()
            assert ended == 4
        except KeyboardInterrupt:
            pass
        monkeypatch.setattr(os, "rename", rename)
        with Ledger(path, reserve_bytes=0) as ledger:
            found = ledger.find(target, map(key_of, [*range(COUNT + LARGE), *range(1000, 1050)]))
        check_answers(found)
        assert len(found) == COUNT + LARGE + 50
        names = sorted(os.listdir(os.path.dirname(path)))
        assert names == [
            "ledger.db", "ledger.db.damaged-1", "ledger.db.damaged-1-wal", "ledger.db.lock",
            "ledger.db.reserve"
        ]
        for suffix in ("", "-wal"):
            kept = pathlib.Path(f"{path}.damaged-1{suffix}").read_bytes()
            assert kept == pathlib.Path(crashed + suffix).read_bytes()


def test_a_ledger_whose_making_was_ended_is_made_again(path):
    """What was there of it is in nobody's way."""
    for suffix in ("", "-journal", "-wal"):
        pathlib.Path(f"{path}.being-made{suffix}").write_bytes(b"half")
    with Ledger(path, reserve_bytes=0) as ledger:
        ask(ledger, ledger.target(ENDPOINT, "1"), range(3))
    assert not os.path.exists(f"{path}.being-made")


def test_damaged_files_are_never_overwritten(whole, tmp_path):
    """Each gets a number of its own."""
    path = copied(whole, str(tmp_path / "again" / "ledger.db"))
    for number in (1, 2, 3):
        with open(path, "r+b") as file:
            file.write(bytes(PAGE))
        Ledger(path, reserve_bytes=0).close()
        assert os.path.exists(f"{path}.damaged-{number}")


def test_a_lost_target_gives_its_number_to_no_other(path):
    """Else its answers would become those of another model."""
    with Ledger(path, reserve_bytes=0) as ledger:
        target = ledger.target(ENDPOINT, "1")
        ask(ledger, target, range(3))
    with sqlite3.connect(path) as connection:
        connection.execute("DELETE FROM targets")
    connection.close()
    with Ledger(path, reserve_bytes=0) as ledger:
        assert ledger.target("other", "1") != target


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
    """What a ledger on a full disk holds: after room was made, as `line` said."""
    state, number, kind, message = line.split("|")
    number = int(number)
    answered = size * (number + (state == "settling" and reserved))
    assert kind == "LedgerFullError" and path in message
    assert f"{answered} answers are safe" in message and "same command again" in message
    with Ledger(path, reserve_bytes=0) as ledger:
        target = ledger.target("endpoint", "1")
        found = ledger.find(target, map(key_of, range(size * (number + 1))))
        check_answers(found)
        assert ledger.answered(target) == answered
        assert ledger.bill("run", "thief").rows_sent == len(found)
        assert len(found) == size * (number + (state == "settling"))
        ask(ledger, target, range(10**6, 10**6 + 100))
    return state


TINY = """
mount -t tmpfs -o size=2m tiny "$0/disk" || exit 77
"$@" || exit 1
cp "$0/disk"/ledger.db* "$0"
"""


def test_a_full_disk_loses_no_answer(tmp_path):
    """On a real one: the reserve makes room for the answers that are on their way."""
    attacks = pathlib.Path(__file__).parents[4] / "attacks"
    states = set()
    for size in (100, 150, 200, 300):
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


def test_a_limit_on_the_size_of_files_ends_a_run_in_good_order(tmp_path):
    """The reserve does not help there, and what cannot be kept is in doubt."""
    states = set()
    for limit in range(200_000, 320_001, 20_000):
        path = str(tmp_path / f"ledger-{limit}.db")
        output, errors = start(FILL, path, limit, 0, 50).communicate()
        assert not errors
        states.add(check_filled(path, output.strip(), 50, reserved=False))
    assert states == {"intending", "settling"}


def full_at(ledger, pages):
    """Lets a ledger grow by so many pages only."""
    connection = ledger._file.connection
    (count,), = connection.execute("PRAGMA page_count")
    connection.execute(f"PRAGMA max_page_count = {count + pages}")


def test_a_full_disk_before_sending(path):
    """Nothing is billed, so nothing may be sent."""
    with Ledger(path, reserve_bytes=0) as ledger:
        target = ledger.target(ENDPOINT, "1")
        full_at(ledger, 0)
        with pytest.raises(LedgerFullError, match="0 answers are safe.*same command again"):
            ledger.intend(target, [key_of(number) for number in range(500)], "run", "thief")
        assert ledger.bill("run", "thief") == Bill()
        assert ledger.in_doubt(target) == 0


def test_the_reserve_is_made_again(path):
    """Once there is room."""
    with Ledger(path, reserve_bytes=10000) as ledger:
        assert os.path.getsize(f"{path}.reserve") == 10000
        target = ledger.target(ENDPOINT, "1")
        ask(ledger, target, range(500), settled=False)
        full_at(ledger, 1)
        with pytest.raises(LedgerFullError):
            keys = [key_of(number) for number in range(500)]
            ledger.settle([(target, keys, np.zeros([500, 100], np.float32))])
        assert not os.path.exists(f"{path}.reserve")
    with Ledger(path, reserve_bytes=10000) as ledger:
        assert os.path.getsize(f"{path}.reserve") == 10000
        assert ledger.in_doubt(target) == 500


def test_no_room_for_the_reserve_is_said(path, warnings):
    """And the run goes on."""
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
    """However it ends."""
    script = """
with Ledger(sys.argv[2], reserve_bytes=0):
    print("open", flush=True)
    input()
"""
    first = start(script, path, stdin=subprocess.PIPE)
    assert first.stdout.readline() == "open\n"
    with pytest.raises(ValueError, match="in use by another run.*--ledger"):
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


def test_a_log_without_its_ledger_is_refused(path):
    """It would be lost with the first write."""
    pathlib.Path(f"{path}-wal").write_bytes(b"log")
    with pytest.raises(ValueError, match="-wal"):
        Ledger(path)
    assert pathlib.Path(f"{path}-wal").read_bytes() == b"log"


def test_salvaging_a_whole_ledger_changes_nothing(whole, tmp_path):
    """Every row is read from its page as SQLite reads it."""
    path = copied(whole, str(tmp_path / "copy" / "ledger.db"))
    salvage.salvage(path)
    for table in ("owners", "targets", "bills", "asks"):
        rows = []
        for each in (path, whole):
            connection = sqlite3.connect(each)
            rows.append(set(connection.execute(f"SELECT * FROM {table}")))
            connection.close()
        assert rows[0] == rows[1] and rows[0]
