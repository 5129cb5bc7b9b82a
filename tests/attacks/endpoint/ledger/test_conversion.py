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
    """The warnings of the test."""
    lines = []
    monkeypatch.setattr(logging, "warning", lambda text, *args: lines.append(text % args))
    return lines


@pytest.fixture(name="path")
def path_fixture(tmp_path):
    """The path of a database of version 1."""
    path = str(tmp_path / "ledger.sqlite")
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
    return path


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


@pytest.mark.parametrize("kind", ["a bit", "a page"])
def test_a_damaged_write_ahead_log_costs_the_rows_that_are_hit(kind, path, tmp_path, warnings):
    """Of which SQLite reads what stands before the damage."""
    connection = sqlite3.connect(path)
    for number in range(SENT, SENT + 400):
        row = 2, *key_of(number), 1, np.full(10, number, "<f4").tobytes()
        connection.execute("INSERT INTO asks VALUES (?, ?, ?, ?, ?, ?)", (*row, seal(row)))
        if number % 20 == 19:
            connection.commit()
    wal, rng = pathlib.Path(f"{path}-wal").read_bytes(), random.Random(0)
    database = pathlib.Path(path).read_bytes()
    connection.close()
    numbers = {*range(ANSWERED), *range(SENT, SENT + 400)}
    places = [2, 9, 20, 26, 34, 42, 50, *(rng.randrange(len(wal)) for _ in range(7))]
    for place in places:
        harmed = bytearray(wal)
        if kind == "a bit":
            harmed[place] ^= 1 << rng.randrange(8)
        else:
            harmed[place:place + 4096] = rng.randbytes(len(harmed[place:place + 4096]))
        killed = tmp_path / f"killed-{place}"
        killed.write_bytes(database)
        pathlib.Path(f"{killed}-wal").write_bytes(harmed)
        warnings.clear()
        with Ledger(killed, reserve_bytes=0) as ledger:
            found = answered(ledger, ledger.target(ENDPOINT, "10"), range(SENT + 400))
        line, = warnings
        assert "it is damaged" in line
        assert kind == "a page" or len(numbers - found) <= 45, place


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


def test_an_unreadable_database_is_refused_and_left_alone(path):
    """Otherwise its rows would be asked again; the earlier release can salvage them."""
    with open(path, "r+b") as file:
        file.write(b"\xff" * 1000)
        file.seek(0)
        content = file.read()
    with pytest.raises(ValueError, match="an SQLite database that is in use or damaged"):
        Ledger(path, reserve_bytes=0)
    assert pathlib.Path(path).read_bytes() == content


def test_a_database_in_use_is_refused(path):
    """By a run of an earlier release."""
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA locking_mode = EXCLUSIVE")
    connection.execute("BEGIN EXCLUSIVE")
    with pytest.raises(ValueError, match="in use or damaged .database is locked"):
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
