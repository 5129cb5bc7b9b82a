"""Damage to any byte of a ledger is noticed and reported, and costs only what it hits."""
import os
import pathlib
import random
import shutil

from absl import logging
import pytest

from attacks.endpoint.ledger import log
from attacks.endpoint.ledger.head import HEAD_BYTES
from attacks.endpoint.ledger.ledger import Ledger
from attacks.endpoint.ledger.ledger import LedgerError
from attacks.endpoint.ledger.records import Bill
from tests.attacks.endpoint.ledger.ledgers import answered
from tests.attacks.endpoint.ledger.ledgers import ask
from tests.attacks.endpoint.ledger.ledgers import ENDPOINT
from tests.attacks.endpoint.ledger.ledgers import frames_in
from tests.attacks.endpoint.ledger.ledgers import number_answered

COUNT, IN_DOUBT = 24, 4


@pytest.fixture(name="warnings")
def warnings_fixture(monkeypatch):
    """The warnings of a test, in which nothing waits for the disk."""
    lines = []
    monkeypatch.setattr(logging, "warning", lambda text, *args: lines.append(text % args))
    monkeypatch.setattr(log, "_sync", lambda fd: None)
    monkeypatch.setattr(os, "fsync", lambda fd: None)
    return lines


@pytest.fixture(name="whole", scope="module")
def whole_fixture(tmp_path_factory):
    """The path of a ledger that was closed in good order, and its frames."""
    path = str(tmp_path_factory.mktemp("whole") / "ledger")
    with Ledger(path, reserve_bytes=0) as ledger:
        ledger.declare_owned(ENDPOINT)
        target = ledger.target(ENDPOINT, "1")
        for first in range(0, COUNT, 6):
            ask(ledger, target, range(first, first + 6), classes=1 + first)
        ask(ledger, target, range(COUNT, COUNT + IN_DOUBT), settled=False)
    return path, frames_in(path)


def copied(content, folder):
    """The path of a file with this content, in a place where a ledger was used before."""
    folder.mkdir(exist_ok=True)
    for name in os.listdir(folder):
        os.remove(folder / name)
    (folder / "ledger").write_bytes(content)
    (folder / "ledger.lock").write_bytes(b"")
    return str(folder / "ledger")


def answers_beside(frames, start, end):
    """The numbers of the inputs whose answers lie outside of two offsets."""
    numbers = [(number_answered(record), first, last) for first, last, record in frames]
    return {number for number, first, last in numbers
            if number is not None and (last <= start or first >= end)}  # yapf: disable


def check_healed(path, expected, warnings):
    """Checks that a ledger heals once, with a warning, and has these answers; returns its bill."""
    harmed = pathlib.Path(path).read_bytes()
    warnings.clear()
    for _ in range(2):
        with Ledger(path, reserve_bytes=0) as ledger:
            target = ledger.target(ENDPOINT, "1")
            assert answered(ledger, target, range(COUNT + IN_DOUBT)) == expected
            bill, is_owned = ledger.bill("run", "thief"), ledger.is_owned(ENDPOINT)
            assert is_owned or not expected
        line, = warnings
        assert "may be asked and paid for again" in line
        assert pathlib.Path(f"{path}.damaged-1").read_bytes() == harmed
    assert not os.path.exists(f"{path}.damaged-2")
    return bill


def places(frames, rng, count=60):
    """Offsets at which the structure of a ledger changes, and others at random."""
    edges = {0, 28, 29, 40, 120, HEAD_BYTES - 9, HEAD_BYTES - 8, HEAD_BYTES - 1}
    for start, end, _ in frames:
        edges |= {start, start + 4, start + 8, start + 12, end - 1}
    return sorted(edges | {rng.randrange(frames[-1][1]) for _ in range(count)})


def test_a_changed_byte_costs_its_own_record(whole, tmp_path, warnings):
    """Even if the byte belongs to a length, to the magic of a frame, or to the head."""
    path, frames = whole
    content, rng = pathlib.Path(path).read_bytes(), random.Random(0)
    for place in places(frames, rng):
        harmed = bytearray(content)
        harmed[place] ^= rng.choice([1 << rng.randrange(8), rng.randrange(1, 256)])
        hit = next(((s, e) for s, e, _ in frames if s <= place < e), (0, 0))
        harmed = copied(harmed, tmp_path / "ledger")
        bill = check_healed(harmed, answers_beside(frames, *hit), warnings)
        assert bill == Bill(COUNT + IN_DOUBT, 0)


def test_a_truncated_file_keeps_its_whole_records(whole, tmp_path, warnings):
    """Truncated at every edge of a record, at random places, and to nothing."""
    path, frames = whole
    content = pathlib.Path(path).read_bytes()
    for place in places(frames, random.Random(1)):
        harmed = copied(content[:place], tmp_path / "ledger")
        if place:
            check_healed(harmed, answers_beside(frames, place, len(content)), warnings)
        else:
            Ledger(harmed, reserve_bytes=0).close()
            line, = warnings
            assert "empty or gone, though there was one before" in line


@pytest.mark.parametrize("kind", ["zeros", "noise", "gone", "twice"])
def test_larger_damage_costs_the_records_that_it_hits(kind, whole, tmp_path, warnings):
    """Damage to a sector or a page, or a record that is missing or there twice."""
    path, frames = whole
    content, rng = pathlib.Path(path).read_bytes(), random.Random(2)
    pieces = [(start, end) for start, end, _ in frames[:-1]]
    if kind in ("zeros", "noise"):
        pieces = [(start, start + size) for size in (1, 512, 4096)
                  for start in range(0, len(content) - size, max(512, size))]  # yapf: disable
    for start, end in pieces:
        piece = {"zeros": bytes(end - start), "noise": rng.randbytes(end - start), "gone": b"",
                 "twice": 2 * content[start:end]}[kind]  # yapf: disable
        if piece == content[start:end]:
            continue
        expected = answers_beside(frames, start, start if kind == "twice" else end)
        harmed = content[:start] + piece + content[end:]
        check_healed(copied(harmed, tmp_path / "ledger"), expected, warnings)


@pytest.mark.parametrize("kind", ["gone", "twice", "written over"])
def test_a_piece_of_a_file_that_is_elsewhere_costs_what_it_hits(kind, whole, tmp_path, warnings):
    """Whole sectors and pages are missing, are there twice, or stand where others were."""
    path, frames = whole
    content = pathlib.Path(path).read_bytes()
    everything = {number_answered(record) for _, _, record in frames} - {None}
    for size in (512, 1024, 4096):
        for start in range(0, len(content) - size, max(512, size // 2)):
            end = start + size
            expected = answers_beside(frames, start, end)
            harmed = content[:start] + content[end:]
            if kind == "twice":
                # What stands at the edge begins in the second copy.
                cut = {number_answered(record) for first, last, record in frames
                       if first < start and last > end}  # yapf: disable
                expected, harmed = everything - cut, content[:end] + content[start:]
            elif kind == "written over":
                if end + size > len(content):
                    break
                harmed = content[:end] + content[start:end] + content[end + size:]
                expected = answers_beside(frames, end, end + size)
            if harmed != content:
                check_healed(copied(harmed, tmp_path / "ledger"), expected, warnings)


def test_a_stale_record_is_noticed(whole, tmp_path, warnings):
    """Although its frame is undamaged: a disk may lose a write."""
    path, frames = whole
    content = bytearray(pathlib.Path(path).read_bytes())
    (_, _, _), (start, end, _), *_ = [each for each in frames if number_answered(each[2]) in (6, 7)]
    before = [each for each in frames if number_answered(each[2]) == 6][0]
    content[start:end] = content[before[0]:before[1]]
    check_healed(copied(content, tmp_path / "ledger"), answers_beside(frames, start, end), warnings)


def test_damage_to_an_open_ledger_gives_no_wrong_answer(whole, tmp_path, warnings):
    """The next run heals it."""
    path, frames = whole
    path = copied(pathlib.Path(path).read_bytes(), tmp_path / "ledger")
    start, end, _ = next(each for each in frames if number_answered(each[2]) == 7)
    with Ledger(path, reserve_bytes=0) as ledger:
        with open(path, "r+b") as file:
            file.seek(end - 1)
            file.write(b"\xff")
        with pytest.raises(LedgerError, match="give the same command again"):
            answered(ledger, ledger.target(ENDPOINT, "1"), range(COUNT))
    check_healed(path, answers_beside(frames, start, end), warnings)


def test_an_unfinished_write_is_not_damage(tmp_path, warnings):
    """What was committed is kept, and so are whole answers of the unfinished write."""
    path = str(tmp_path / "ledger")
    with Ledger(path, reserve_bytes=0) as ledger:
        target = ledger.target(ENDPOINT, "1")
        ask(ledger, target, range(3))
        before = pathlib.Path(path).read_bytes()
        ask(ledger, target, range(3, 6))
    after = pathlib.Path(path).read_bytes()
    frames = frames_in(path)
    for cut in range(len(before), len(after) + 1):
        expected = answers_beside(frames, cut, len(after))
        killed = copied(before[:HEAD_BYTES] + after[HEAD_BYTES:cut], tmp_path / "killed")
        warnings.clear()
        for _ in range(2):
            with Ledger(killed, reserve_bytes=0) as ledger:
                assert answered(ledger, target, range(6)) == expected
                in_doubt = ledger.in_doubt(target)
                assert ledger.bill("run", "thief").rows_sent == len(expected) + in_doubt
                assert in_doubt == 0 or len(expected) + in_doubt == 6
        is_whole = cut in (len(before), *(end for _, end, _ in frames))
        assert len(warnings) == (not is_whole)
        assert all("were being written when a run was stopped" in line for line in warnings)
        assert sorted(os.listdir(tmp_path / "killed")) == [
            "ledger", "ledger.lock", "ledger.reserve"]  # yapf: disable


@pytest.mark.parametrize("name", ["link", "replace"])
def test_a_healing_that_is_stopped_is_done_again(name, whole, tmp_path, warnings, monkeypatch):
    """Stopped before or after a step, it loses nothing and keeps one damaged file."""
    path, frames = whole
    content = bytearray(pathlib.Path(path).read_bytes())
    content[frames[4][0]] ^= 1
    for is_before in (True, False):
        path = copied(content, tmp_path / "ledger")
        step = getattr(os, name)

        def stopped(*args):
            if not is_before:
                step(*args)
            raise KeyboardInterrupt

        monkeypatch.setattr(os, name, stopped)
        with pytest.raises(KeyboardInterrupt):
            Ledger(path, reserve_bytes=0)
        monkeypatch.setattr(os, name, step)
        with Ledger(path, reserve_bytes=0) as ledger:
            found = answered(ledger, ledger.target(ENDPOINT, "1"), range(COUNT))
            assert found == answers_beside(frames, *frames[4][:2])
        assert sorted(os.listdir(tmp_path / "ledger")) == [
            "ledger", "ledger.damaged-1", "ledger.lock", "ledger.reserve"]  # yapf: disable
        assert pathlib.Path(f"{path}.damaged-1").read_bytes() == content


def test_without_hard_links_the_damaged_file_is_copied(whole, tmp_path, warnings, monkeypatch):
    """Not every file system has them."""

    def fail(*_):
        raise PermissionError

    path, frames = whole
    monkeypatch.setattr(os, "link", fail)
    path = copied(pathlib.Path(path).read_bytes()[:-1], tmp_path / "ledger")
    check_healed(path, answers_beside(frames, *frames[-1][:2]), warnings)


def test_damaged_files_are_never_overwritten(whole, tmp_path, warnings):
    """Each gets a number of its own."""
    path, frames = whole
    folder = tmp_path / "ledger"
    path = copied(pathlib.Path(path).read_bytes(), folder)
    for number in (1, 2, 3):
        with open(path, "r+b") as file:
            file.write(bytes(9))
        Ledger(path, reserve_bytes=0).close()
        assert os.path.exists(f"{path}.damaged-{number}")


@pytest.mark.parametrize("suffix", ["lock", "reserve"])
def test_the_lock_and_the_reserve_hold_no_data(suffix, whole, tmp_path, warnings):
    """Their content does not matter, nor that they exist."""
    path, _ = whole
    for content in (b"noise", b"", None):
        folder = tmp_path / "ledger"
        new = copied(pathlib.Path(path).read_bytes(), folder)
        if content is None:
            (folder / f"ledger.{suffix}").unlink(missing_ok=True)
        else:
            (folder / f"ledger.{suffix}").write_bytes(content)
        with Ledger(new, reserve_bytes=100) as ledger:
            assert len(answered(ledger, ledger.target(ENDPOINT, "1"), range(COUNT))) == COUNT
        assert os.path.getsize(folder / "ledger.reserve") == 100
        assert not warnings
        shutil.rmtree(folder)
