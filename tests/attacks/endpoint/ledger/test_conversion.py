"""Ledgers of version 1, SQLite databases, are converted, and no row is asked again."""
import os
import pathlib
import random
import shutil
import sqlite3
import zlib

from absl import logging
import numpy as np
import pytest

from attacks.endpoint.ledger.ledger import Ledger
from attacks.endpoint.ledger.records import Bill
from tests.attacks.endpoint.ledger.ledgers import answered
from tests.attacks.endpoint.ledger.ledgers import ask
from tests.attacks.endpoint.ledger.ledgers import ENDPOINT
from tests.attacks.endpoint.ledger.ledgers import key_of

PAGE_BYTES = 4096
OLD = pathlib.Path("tests/compatibility/data/audit/half/ledger.sqlite")
TABLES = {
    "owners": "endpoint TEXT NOT NULL, owned_at TEXT NOT NULL",
    "targets": "target INT NOT NULL UNIQUE, endpoint TEXT NOT NULL, version TEXT NOT NULL",
    "bills": "run TEXT NOT NULL, account TEXT NOT NULL, rows_sent INT NOT NULL, "
             "rows_resent INT NOT NULL",
    "asks": "target INT NOT NULL, input BLOB NOT NULL, ask INT NOT NULL, sends INT NOT NULL, "
            "answer BLOB",
}  # yapf: disable
ANSWERED, SENT = 900, 1000


def seal(values):
    """The checksum of a row."""
    crc = 0
    for value in values:
        crc = zlib.crc32(value if isinstance(value, bytes) else repr(value).encode(), crc)
    return crc


def rows_of_version_1():
    """Pairs of a table and a row."""
    for copy in ("", "_copy"):
        yield f"owners{copy}", (ENDPOINT, "2025-01-01T00:00:00+00:00")
        yield f"targets{copy}", (2, ENDPOINT, "10")
        yield f"targets{copy}", (1, ENDPOINT, "9")
        yield f"bills{copy}", ("run", "thief", 1007, 7)
        yield f"bills{copy}", ("run", "evaluation", 50, 0)
    for number in range(SENT):
        answer = np.full(10, number, "<f4").tobytes() if number < ANSWERED else None
        yield "asks", (2, *key_of(number), 1 + (number < 7), answer)
    yield "asks", (1, *key_of(3), 1, None)


@pytest.fixture(name="warnings")
def warnings_fixture(monkeypatch):
    """The warnings of the test, in which nothing waits for the disk."""
    lines = []
    monkeypatch.setattr(os, "fsync", lambda fd: None)
    monkeypatch.setattr(logging, "warning", lambda text, *args: lines.append(text % args))
    return lines


@pytest.fixture(name="path")
def path_fixture(tmp_path):
    """The path of a database of version 1."""
    path = str(tmp_path / "ledger.sqlite")
    make(path)
    return path


def make(path):
    """Makes a database of version 1."""
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA page_size = {PAGE_BYTES}")
    connection.execute(f"PRAGMA application_id = {0x5EA1ED61}")
    connection.execute("CREATE TABLE mark (text TEXT NOT NULL)")
    connection.execute("INSERT INTO mark VALUES ('ledger of revsig_keras, schema 1')")
    for name, columns in TABLES.items():
        for copy in ("", "_copy") if name != "asks" else ("",):
            connection.execute(f"CREATE TABLE {name}{copy} ({columns}, seal INT NOT NULL)")
    for table, row in rows_of_version_1():
        places = ", ".join("?" * (1 + len(row)))
        connection.execute(f"INSERT INTO {table} VALUES ({places})", (*row, seal(row)))
    connection.commit()
    connection.execute("PRAGMA journal_mode = WAL")
    connection.close()


def check(path):
    """Checks that a ledger has all of `rows_of_version_1`."""
    with Ledger(path, reserve_bytes=0) as ledger:
        target, other = ledger.target(ENDPOINT, "10"), ledger.target(ENDPOINT, "9")
        assert answered(ledger, target, range(SENT)) == set(range(ANSWERED))
        assert ledger.in_doubt(target) == SENT - ANSWERED and ledger.in_doubt(other) == 1
        assert ledger.bill("run", "thief") == Bill(1007, 7)
        assert ledger.bill("run", "evaluation") == Bill(50, 0)
        assert ledger.is_owned(ENDPOINT) and not ledger.is_owned("other")


def test_everything_is_converted_and_the_database_is_kept(path, warnings):
    """A warning tells it once; rows that were in doubt are billed as sent again."""
    check(path)
    line, = warnings
    assert f"kept as {path}.sqlite-1" in line and "damaged" not in line
    check(path)
    with Ledger(path, reserve_bytes=0) as ledger:
        ask(ledger, ledger.target(ENDPOINT, "10"), range(SENT - 10, SENT))
        assert ledger.bill("run", "thief") == Bill(1017, 17)
    assert len(warnings) == 1
    with sqlite3.connect(f"{path}.sqlite-1") as connection:
        assert connection.execute("SELECT count(*) FROM asks").fetchone() == (SENT + 1,)
    connection.close()


def test_a_ledger_that_was_written_by_version_1_is_converted(tmp_path, warnings):
    """As an audit that was stopped half-way left it."""
    path = tmp_path / "ledger.sqlite"
    shutil.copyfile(OLD, path)
    with sqlite3.connect(OLD) as connection:
        rows = connection.execute("SELECT t.endpoint, t.version, input, ask, answer FROM asks "
                                  "JOIN targets t USING (target)").fetchall()
        bills = connection.execute("SELECT * FROM bills").fetchall()
    connection.close()
    with Ledger(path, reserve_bytes=0) as ledger:
        in_doubt = 0
        for endpoint, version, digest, ask_, answer in rows:
            found = ledger.find(ledger.target(endpoint, version), [(digest, ask_)])
            assert [each.tobytes() for each in found.values()] == [answer] * (answer is not None)
            in_doubt += answer is None
        assert ledger.in_doubt(ledger.target(endpoint, version)) == in_doubt > 0
        for run, account, *bill, _ in bills:
            assert ledger.bill(run, account) == Bill(*bill)
        assert ledger.is_owned(endpoint.split()[0])


def test_a_write_ahead_log_is_converted_too(path, tmp_path, warnings):
    """A killed run leaves it beside the database."""
    connection = sqlite3.connect(path)
    row = 2, *key_of(SENT), 1, np.full(10, SENT, "<f4").tobytes()
    connection.execute("INSERT INTO asks VALUES (?, ?, ?, ?, ?, ?)", (*row, seal(row)))
    connection.commit()
    killed = str(tmp_path / "killed")
    for suffix in ("", "-wal"):
        shutil.copyfile(path + suffix, killed + suffix)
    connection.close()
    with Ledger(killed, reserve_bytes=0) as ledger:
        assert SENT in answered(ledger, ledger.target(ENDPOINT, "10"), range(SENT + 1))
    assert not os.path.exists(f"{killed}-wal")


@pytest.fixture(name="killed", scope="module")
def killed_fixture(tmp_path_factory):
    """What a killed run left: a database, and a write-ahead log with 400 answers in 20 commits."""
    path = str(tmp_path_factory.mktemp("killed") / "ledger.sqlite")
    make(path)
    connection = sqlite3.connect(path)
    for number in range(SENT, SENT + 400):
        row = 2, *key_of(number), 1, np.full(10, number, "<f4").tobytes()
        connection.execute("INSERT INTO asks VALUES (?, ?, ?, ?, ?, ?)", (*row, seal(row)))
        if number % 20 == 19:
            connection.commit()
    contents = [pathlib.Path(path + suffix).read_bytes() for suffix in ("", "-wal")]
    connection.close()
    return contents


def has_copy(number, before, after):
    """Whether a copy of an answered row is left undamaged, with its head and its checksum."""
    content = key_of(number)[0][-2:] + np.full(10, number, "<f4").tobytes()
    for file in before:
        place = -1
        while (place := file.find(content, place + 1)) >= 0:
            copy = file[place - 26:place + len(content) + 6]
            if any(copy in each for each in after):
                return True
    return False


def harmed(content, kind, place, size, rng):
    """A file that lacks a piece, or has it twice, or something else in its place."""
    piece, rest = content[place:place + size], content[place + size:]
    return content[:place] + {
        "zeros": bytes(len(piece)) + rest,
        "noise": rng.randbytes(len(piece)) + rest,
        "gone": rest,
        "twice": 2 * piece + rest,
        "bit": bytes([piece[0] ^ 1 << rng.randrange(8)]) + rest,
        "cut off": b"",
    }[kind]


@pytest.mark.parametrize("kind, sizes", [
    ("bit", [1]),
    ("zeros", [512, 4096, 16384]),
    ("noise", [4096]),
    ("gone", [4096]),
    ("twice", [4096]),
    ("cut off", [1]),
])
def test_damage_to_the_write_ahead_log_costs_the_rows_that_it_hits(kind, sizes, killed, tmp_path,
                                                                   warnings):
    """SQLite reads only what stands before it; a hole also hides what it leads to."""
    database, wal = killed
    rng = random.Random(kind)
    edges = [9, 20, 34, 42, len(wal) - 4096]
    count = 0
    for size in sizes:
        places = edges if size == 1 else [0, len(wal) - size]
        for place in [*places, rng.randrange(len(wal) - size)]:
            after = harmed(wal, kind, place, size, rng)
            if after == wal:
                continue
            path = tmp_path / f"{count}"
            count += 1
            path.write_bytes(database)
            pathlib.Path(f"{path}-wal").write_bytes(after)
            warnings.clear()
            with Ledger(path, reserve_bytes=0) as ledger:
                target = ledger.target(ENDPOINT, "10")
                lost = set(range(ANSWERED)) | set(range(SENT, SENT + 400))
                lost -= answered(ledger, target, range(SENT + 400))
                assert ledger.in_doubt(target) == SENT - ANSWERED
                assert ledger.bill("run", "thief") == Bill(1007, 7)
            left = [each for each in lost if has_copy(each, killed, [database, after])]
            assert not left, (kind, size, place)
            line, = warnings
            assert "it is damaged" in line
            assert pathlib.Path(f"{path}.sqlite-1-wal").read_bytes() == after


@pytest.mark.parametrize("kind, sizes", [("zeros", [1, 512, 4096, 8192]), ("noise", [4096]),
                                         ("gone", [4096]), ("twice", [512])])
def test_damage_to_the_database_costs_the_rows_that_it_hits(kind, sizes, path, tmp_path, warnings):
    """Also where it hits the pages that lead to others."""
    database, rng = pathlib.Path(path).read_bytes(), random.Random(kind)
    for size in sizes:
        # Both copies of a small table, and both places that tell a ledger, are never on one page.
        places = {0, *(rng.randrange(16, len(database) // PAGE_BYTES) * PAGE_BYTES - 9
                       for _ in range(2))}  # yapf: disable
        for place in places if size < 8192 else places - {0}:
            after = harmed(database, kind, place, size, rng)
            copy = tmp_path / "copy"
            copy.write_bytes(after)
            with Ledger(copy, reserve_bytes=0) as ledger:
                target = ledger.target(ENDPOINT, "10")
                lost = set(range(ANSWERED)) - answered(ledger, target, range(SENT))
                assert ledger.bill("run", "thief") == Bill(1007, 7)
            left = [each for each in lost if has_copy(each, [database], [after])]
            assert not left, (kind, size, place)
            shutil.rmtree(tmp_path, ignore_errors=True)
            tmp_path.mkdir()


def test_a_log_that_ends_inside_a_commit_is_damaged(killed, tmp_path, warnings):
    """All frames are whole, but SQLite leaves out those after the last commit."""
    database, log = killed
    frames = range(32, len(log), 24 + PAGE_BYTES)
    last = max(start for start in frames if log[start + 4:start + 8] == bytes(4))
    path = tmp_path / "ledger.sqlite"
    path.write_bytes(database)
    after = log[:last + 24 + PAGE_BYTES]
    pathlib.Path(f"{path}-wal").write_bytes(after)
    with Ledger(path, reserve_bytes=0) as ledger:
        found = answered(ledger, ledger.target(ENDPOINT, "10"), range(SENT + 400))
    logged = range(SENT, SENT + 400)
    left = {each for each in logged if has_copy(each, killed, [database, after])}
    assert found == {*range(ANSWERED), *left} and left
    assert "it is damaged" in warnings[0]


def test_a_frame_of_an_older_log_is_not_damage(path, tmp_path, warnings):
    """SQLite writes over its log from the start on, and the rest stays."""
    connection = sqlite3.connect(path)
    for count in (300, 1):
        for number in range(count):
            row = 2, *key_of(2 * SENT + 1000 * count + number), 1, None
            connection.execute("INSERT INTO asks VALUES (?, ?, ?, ?, ?, ?)", (*row, seal(row)))
        connection.commit()
        if count > 1:
            connection.execute("PRAGMA wal_checkpoint(RESTART)")
    copy = tmp_path / "copy"
    for suffix in ("", "-wal"):
        shutil.copyfile(path + suffix, f"{copy}{suffix}")
    connection.close()
    assert os.path.getsize(f"{copy}-wal") > 3 * PAGE_BYTES
    with Ledger(copy, reserve_bytes=0) as ledger:
        assert ledger.in_doubt(ledger.target(ENDPOINT, "10")) == SENT - ANSWERED + 301
    assert "damaged" not in warnings[0]


@pytest.mark.parametrize("name", ["link", "replace"])
def test_a_conversion_that_is_stopped_is_done_again(name, path, warnings, monkeypatch, tmp_path):
    """Before or after any step."""
    for is_before in (True, False):
        copy = str(tmp_path / f"{is_before}")
        shutil.copyfile(path, copy)
        step = getattr(os, name)

        def stopped(*args):
            if not is_before:
                step(*args)
            raise KeyboardInterrupt

        monkeypatch.setattr(os, name, stopped)
        with pytest.raises(KeyboardInterrupt):
            Ledger(copy, reserve_bytes=0)
        monkeypatch.setattr(os, name, step)
        check(copy)
        assert os.path.exists(f"{copy}.sqlite-1") and not os.path.exists(f"{copy}.sqlite-2")


def test_a_damaged_page_costs_its_own_rows(path, warnings):
    """A warning tells the user."""
    pages = os.path.getsize(path) // PAGE_BYTES
    with open(path, "r+b") as file:
        file.seek((pages - 5) * PAGE_BYTES)
        file.write(os.urandom(PAGE_BYTES))
    with Ledger(path, reserve_bytes=0) as ledger:
        target = ledger.target(ENDPOINT, "10")
        assert len(answered(ledger, target, range(SENT))) >= ANSWERED - 60
        assert ledger.bill("run", "thief") == Bill(1007, 7)
    line, = warnings
    assert "it is damaged" in line


def test_a_damaged_row_is_left_out(path, warnings):
    """Its checksum is wrong."""
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE asks SET answer = zeroblob(40) WHERE rowid = 8")
    connection.close()
    with Ledger(path, reserve_bytes=0) as ledger:
        found = answered(ledger, ledger.target(ENDPOINT, "10"), range(SENT))
        assert found == set(range(ANSWERED)) - {7}
    line, = warnings
    assert "it is damaged" in line


def test_a_damaged_first_page_costs_nothing(path, warnings):
    """Without which SQLite reads nothing."""
    with open(path, "r+b") as file:
        file.write(b"\xff" * PAGE_BYTES)
    check(path)
    line, = warnings
    assert "it is damaged" in line


def test_an_unreadable_database_is_refused_and_left_alone(path):
    """Otherwise everything would be asked again, and the user has to decide it."""
    content = bytearray(pathlib.Path(path).read_bytes())
    content[2 * PAGE_BYTES:] = bytes(len(content) - 2 * PAGE_BYTES)
    pathlib.Path(path).write_bytes(content)
    with pytest.raises(ValueError, match="an SQLite database that is damaged. .* move the file"):
        Ledger(path, reserve_bytes=0)
    assert pathlib.Path(path).read_bytes() == content


def test_a_database_in_use_is_refused(path):
    """By a run of an earlier release."""
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA locking_mode = EXCLUSIVE")
    connection.execute("BEGIN EXCLUSIVE")
    with pytest.raises(ValueError, match="in use .database is locked"):
        Ledger(path, reserve_bytes=0)
    connection.close()
    check(path)


def test_a_write_ahead_log_without_its_database_is_refused(tmp_path):
    """It would be lost with the first write."""
    path = str(tmp_path / "ledger")
    pathlib.Path(f"{path}-wal").write_bytes(b"log")
    with pytest.raises(ValueError, match="-wal"):
        Ledger(path)
    assert pathlib.Path(f"{path}-wal").read_bytes() == b"log"
