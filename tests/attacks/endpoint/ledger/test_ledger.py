"""The ledger keeps answers to the bit, and agrees with plain dictionaries."""
import collections
import os
import random
import sqlite3

import numpy as np
import pytest

from attacks.endpoint.ledger import head
from attacks.endpoint.ledger import rows
from attacks.endpoint.ledger.ledger import Ledger
from attacks.endpoint.ledger.records import Bill

ENDPOINT = "http://host:8501/v1/models/victim"


def keys_of(*numbers, ask=0):
    """Keys of made-up inputs."""
    return [(number.to_bytes(16, "big"), ask) for number in numbers]


def bits(array):
    """The dtype, shape and bytes of an array."""
    return None if array is None else (array.dtype, array.shape, array.tobytes())


@pytest.fixture(name="path")
def path_fixture(tmp_path):
    """Where a ledger can be made."""
    return str(tmp_path / "ledger.db")


@pytest.fixture(name="ledger")
def ledger_fixture(path):
    """A new ledger."""
    with Ledger(path, reserve_bytes=0) as ledger:
        yield ledger


def test_answers_are_kept_to_the_bit(ledger, path):
    """Every pattern of bits counts: payloads of NaNs, the sign of zero, subnormal numbers."""
    patterns = np.array([
        0x7fc00000, 0x7f800001, 0xffc12345, 0x7fffffff, 0x80000000, 0, 1, 0x807fffff, 0x7f800000,
        0xff800000, 0x3f800001
    ], np.uint32)
    answers = np.stack([patterns, patterns[::-1]]).view(np.float32)
    target, keys = ledger.target(ENDPOINT, "1"), keys_of(1, 2)
    ledger.intend(target, keys, "run", "thief")
    ledger.settle([(target, keys, answers)])

    def check(ledger):
        found = ledger.find(target, keys)
        assert [bits(found[key]) for key in keys] == [bits(answer) for answer in answers]

    check(ledger)
    ledger.close()
    with Ledger(path, reserve_bytes=0) as ledger:
        check(ledger)


def test_each_version_of_each_endpoint_is_a_target(ledger, path):
    """Even if name and version, joined, are the same text."""
    used = [(ENDPOINT, "10"), ("other", "1"), (ENDPOINT, "1"), (f"{ENDPOINT}1", "0"), ("", "")]
    targets = [ledger.target(*each) for each in used]
    assert len(set(targets)) == len(used)
    ledger.intend(targets[0], keys_of(1), "run", "thief")
    ledger.close()
    with Ledger(path, reserve_bytes=0) as ledger:
        assert [ledger.target(*each) for each in used] == targets
        assert [ledger.in_doubt(target) for target in targets] == [1, 0, 0, 0, 0]


def test_disowned_answers_are_in_doubt_again_and_can_be_replaced(ledger, path):
    """Also in the next run; keys without an answer do not matter."""
    target, answers = ledger.target(ENDPOINT, "1"), np.float32([[1], [2], [3]])
    ledger.intend(target, keys_of(1, 2, 3), "run", "thief")
    ledger.settle([(target, keys_of(1, 2, 3), answers)])
    ledger.disown(target, keys_of(2, 3, 4))
    ledger.disown(target, keys_of(4))

    def check(ledger, expected):
        found = ledger.find(target, keys_of(1, 2, 3))
        assert {key[0][-1]: float(answer[0]) for key, answer in found.items()} == expected
        assert ledger.in_doubt(target) == 3 - len(expected)
        assert ledger.answered(target) == len(expected)

    check(ledger, {1: 1})
    ledger.close()
    with Ledger(path, reserve_bytes=0) as ledger:
        check(ledger, {1: 1})
        ledger.intend(target, keys_of(2), "run", "thief")
        ledger.settle([(target, keys_of(2), np.float32([[7]]))])
        check(ledger, {1: 1, 2: 7})
        assert ledger.bill("run", "thief") == Bill(4, 1)
    with Ledger(path, reserve_bytes=0) as ledger:
        check(ledger, {1: 1, 2: 7})


def test_ownership_holds_for_all_versions(ledger, path):
    """It is stated once and kept."""
    assert not ledger.is_owned(ENDPOINT)
    ledger.declare_owned(ENDPOINT)
    ledger.declare_owned(ENDPOINT)
    ledger.close()
    with Ledger(path, reserve_bytes=0) as ledger:
        assert ledger.is_owned(ENDPOINT) and not ledger.is_owned(f"{ENDPOINT}2")


class Model:
    """The ledger as dictionaries."""

    def __init__(self):
        self.sends = collections.Counter()
        self.answers = {}
        self.bills = collections.defaultdict(Bill)
        self.in_flight = []

    def charge(self, account, sign, keys, resent):
        """Adds to or takes from a bill."""
        bill = self.bills[account]
        self.bills[account] = Bill(bill.rows_sent + sign * len(keys),
                                   bill.rows_resent + sign * resent)

    def check(self, ledger, universe):
        """Compares all results of the ledger with those of the model."""
        for target, keys in universe.items():
            found = ledger.find(target, keys)
            sent = {key for key in keys if self.sends[target, key]}
            answered = {key for key in sent if (target, key) in self.answers}
            assert set(found) == answered
            for key, answer in found.items():
                assert bits(answer) == bits(self.answers[target, key])
            assert ledger.answered(target) == len(answered)
            assert ledger.in_doubt(target) == len(sent) - len(answered)
        for account, bill in self.bills.items():
            assert ledger.bill(*account) == bill


def step(ledger, model, universe, rng):
    """Makes one random call of the ledger and of the model."""
    target = rng.choice(list(universe))
    action = rng.choice(["intend", "intend", "settle", "withdraw", "forget"])
    if action == "intend":
        busy = {(each, key) for each, keys, _, _ in model.in_flight for key in keys}
        keys = [
            key for key in rng.sample(universe[target], rng.randint(0, 8))
            if (target, key) not in busy
        ]
        account = rng.choice(["one", "two"]), rng.choice(["thief", "evaluation"])
        resent = sum(model.sends[target, key] > 0 for key in keys)
        ledger.intend(target, keys, *account)
        model.sends.update((target, key) for key in keys)
        model.charge(account, 1, keys, resent)
        model.in_flight.append((target, keys, account, resent))
    elif model.in_flight and action == "settle":
        chosen = [model.in_flight.pop() for _ in range(rng.randint(1, len(model.in_flight)))]
        batches = [(target, keys, np.frombuffer(rng.randbytes(12 * len(keys)),
                                                np.float32).reshape(-1, 3))
                   for target, keys, _, _ in chosen]
        ledger.settle(batches)
        for target, keys, answers in batches:
            for key, answer in zip(keys, answers):
                model.answers.setdefault((target, key), answer)
    elif model.in_flight:
        target, keys, account, resent = model.in_flight.pop(rng.randrange(len(model.in_flight)))
        if action == "withdraw":
            ledger.withdraw(target, keys, *account)
            model.sends.subtract((target, key) for key in keys)
            model.charge(account, -1, keys, resent)


@pytest.mark.parametrize("seed", range(4))
def test_the_ledger_agrees_with_dictionaries(path, seed):
    """After any sequence of calls, and after reopening."""
    rng, model = random.Random(seed), Model()
    with Ledger(path, reserve_bytes=0) as ledger:
        universe = {
            ledger.target(ENDPOINT, version): keys_of(*range(12)) + keys_of(*range(6), ask=1)
            for version in "12"
        }
    for _ in range(4):
        with Ledger(path, reserve_bytes=0) as ledger:
            for _ in range(15):
                step(ledger, model, universe, rng)
                model.check(ledger, universe)


def test_a_refused_call_changes_nothing(ledger):
    """Answers to rows that were not intended, a second withdrawal, another bill, other dtypes."""
    target, keys = ledger.target(ENDPOINT, "1"), keys_of(1, 2, 3)
    answers = np.ones([3, 2], np.float32)
    ledger.intend(target, keys[:2], "run", "thief")
    ledger.intend(target, keys[:1], "run", "evaluation")
    calls = [
        ("intended", lambda: ledger.settle([(target, keys, answers)])),
        ("intended", lambda: ledger.withdraw(target, keys, "run", "thief")),
        ("bill", lambda: ledger.withdraw(target, keys[:2], "run", "evaluation")),
        ("bill", lambda: ledger.withdraw(target, keys[:1], "other", "thief")),
        ("float32", lambda: ledger.settle([(target, keys, answers.astype(np.float64))])),
        ("float32", lambda: ledger.settle([(target, keys[:2], answers)])),
    ]
    for match, call in calls:
        with pytest.raises(ValueError, match=match):
            call()
        assert not ledger.find(target, keys) and ledger.in_doubt(target) == 2
        assert ledger.bill("run", "thief") == Bill(2, 0)
        assert ledger.bill("run", "evaluation") == Bill(1, 1)
    ledger.settle([(target, keys[:2], answers[:2])])
    with pytest.raises(ValueError, match="answered"):
        ledger.withdraw(target, keys[1:2], "run", "thief")


def test_the_first_answer_stands(ledger):
    """An answer that was used is not replaced."""
    target, keys = ledger.target(ENDPOINT, "1"), keys_of(1)
    for value in (1, 2):
        ledger.intend(target, keys, "run", "thief")
        ledger.settle([(target, keys, np.full([1, 2], value, np.float32))])
    assert ledger.find(target, keys)[keys[0]].tolist() == [1, 1]
    assert ledger.bill("run", "thief") == Bill(2, 1)


def test_large_answers(ledger):
    """Answers that are larger than a read of the file."""
    target, keys = ledger.target(ENDPOINT, "1"), keys_of(*range(20))
    answers = np.random.default_rng(0).random([20, 3000], np.float32)
    ledger.intend(target, keys, "run", "thief")
    ledger.settle([(target, keys, answers)])
    for answer, expected in zip(ledger.find(target, keys).values(), answers):
        np.testing.assert_array_equal(answer, expected)


def test_other_files_are_refused_and_left_alone(path, tmp_path):
    """Also a database of another program, and a file of zeros."""
    connection = sqlite3.connect(tmp_path / "database")
    connection.execute("CREATE TABLE asks (target)")
    connection.commit()
    connection.close()
    for content in (b"\0" * 9000, b"text", b"\0", os.urandom(5000),
                    (tmp_path / "database").read_bytes()):
        with open(path, "wb") as file:
            file.write(content)
        with pytest.raises(ValueError, match="`ledger` must be a ledger"):
            Ledger(path)
        with open(path, "rb") as file:
            assert file.read() == content


def test_another_version_is_refused_and_left_alone(path, monkeypatch):
    """A newer release may read it."""
    monkeypatch.setattr(head, "VERSION", 77)
    Ledger(path, reserve_bytes=0).close()
    monkeypatch.undo()
    with open(path, "rb") as file:
        before = file.read()
    with pytest.raises(ValueError, match="version 77"):
        Ledger(path)
    with open(path, "rb") as file:
        assert file.read() == before


def test_an_empty_file_becomes_a_ledger(path):
    """As `mktemp` makes it."""
    with open(path, "wb"):
        pass
    with Ledger(path, reserve_bytes=0) as ledger:
        assert ledger.target(ENDPOINT, "1")


def test_a_missing_directory_is_refused(tmp_path):
    """A typing error must not make a second ledger elsewhere."""
    with pytest.raises(ValueError, match="directory"):
        Ledger(tmp_path / "missing" / "ledger.db")


def test_a_second_ledger_is_refused_until_the_first_is_closed(path):
    """Under any name of the same file."""
    os.symlink(path, f"{path}.link")
    with Ledger(path, reserve_bytes=0) as first:
        target = first.target(ENDPOINT, "1")
        for name in (path, f"{path}.link"):
            with pytest.raises(ValueError, match="`ledger` must not be in use by another run"):
                Ledger(name)
        first.intend(target, keys_of(1), "run", "thief")
    with Ledger(path, reserve_bytes=0) as second:
        assert second.in_doubt(target) == 1


def test_rows_are_found_after_they_were_moved(monkeypatch):
    """Recent rows and rows in sorted arrays, compared with a dictionary."""
    monkeypatch.setattr(rows, "_RECENT_ROWS", 100)
    rng, tried, expected = random.Random(0), rows.RowStates(), collections.defaultdict(lambda:
                                                                                       (0, 0))
    universe = [rng.randbytes(16) for _ in range(500)] + [bytes(15) + bytes([n]) for n in range(99)]
    for offset in range(4096, 4496):
        chosen = rng.sample(universe, 20)
        if offset % 3:
            tried.send(b"target", chosen)
        else:
            tried.answer(b"target", {row: offset for row in chosen})
        for row in chosen:
            answer, sends = expected[row]
            expected[row] = (answer, sends + 1) if offset % 3 else (answer or offset, max(sends, 1))
        states = zip(tried.offsets(universe), tried.sends(universe), strict=True)
        assert list(states) == [expected[row] for row in universe]
        answered = sum(answer > 0 for answer, _ in expected.values())
        assert tried.answered() == tried.answered(b"target") == answered
        assert tried.in_doubt(b"target") == sum(
            sends > 0 for _, sends in expected.values()) - answered
