"""The records of a ledger.

A target is a version of an endpoint, and a row is an input of a target together with the number of
times that it was asked before. Records know both by digests of 16 bytes, so that each record can be
read without any other.
"""

from collections.abc import Iterable, Sequence
import hashlib
import json
import struct
from typing import NamedTuple

# The digest of an input, and which time it is asked: 0 for the first.
Key = tuple[bytes, int]
# The run, and whom the rows are billed to in it.
Account = tuple[str, str]
_COUNT = struct.Struct("<I")


class Bill(NamedTuple):
    """What an account has cost.

    Attributes:
        rows_sent: Rows that were sent and not refused, each time that they were sent.
        rows_resent: Rows that were sent again, so may be paid for twice.
    """
    rows_sent: int = 0
    rows_resent: int = 0


class Sending(NamedTuple):
    """Rows that are about to be sent, or that the server has refused.

    Attributes:
        is_refused: Whether the server has refused the rows.
        target: The target of the rows.
        rows: Their digests.
        account: The account that pays for them; None if their bill is known otherwise.
    """
    is_refused: bool
    target: bytes
    rows: Sequence[bytes]
    account: Account | None

    def encode(self) -> bytes:
        return b"".join([
            b"W" if self.is_refused else b"I", self.target,
            _COUNT.pack(len(self.rows)), *self.rows,
            json.dumps(self.account).encode()
        ])

    @classmethod
    def decode(cls, record: bytes) -> "Sending":
        first = 17 + _COUNT.size
        last = first + 16 * _COUNT.unpack_from(record, 17)[0]
        account = json.loads(record[last:])
        return cls(record[:1] == b"W", record[1:17],
                   [record[place:place + 16] for place in range(first, last, 16)], account and
                   tuple(account))


class Answer(NamedTuple):
    """The answer to one row; its values are float32, little-endian."""
    target: bytes
    row: bytes
    values: bytes

    def encode(self) -> bytes:
        return b"".join([b"A", *self])

    @classmethod
    def decode(cls, record: bytes) -> "Answer":
        return cls(record[1:17], record[17:33], record[33:])


class Disowning(NamedTuple):
    """Answers that another version may have given: their rows are in doubt again."""
    target: bytes
    rows: Sequence[bytes]

    def encode(self) -> bytes:
        return b"".join([b"D", self.target, *self.rows])

    @classmethod
    def decode(cls, record: bytes) -> "Disowning":
        return cls(record[1:17], [record[place:place + 16] for place in range(17, len(record), 16)])


class Facts(NamedTuple):
    """Small facts that would be missed, so that every commit of a run repeats them.

    Attributes:
        owned: When the user stated to own an endpoint, by endpoint.
        bills: What each account has cost so far.
    """
    owned: dict[str, str]
    bills: dict[Account, Bill]

    def encode(self) -> bytes:
        bills = [[*account, *bill] for account, bill in self.bills.items()]
        return b"F" + json.dumps([self.owned, bills]).encode()

    @classmethod
    def decode(cls, record: bytes) -> "Facts":
        owned, bills = json.loads(record[1:])
        return cls(owned, {(run, account): Bill(*bill) for run, account, *bill in bills})


Record = Sending | Answer | Disowning | Facts
_KINDS = {b"I": Sending, b"W": Sending, b"A": Answer, b"D": Disowning, b"F": Facts}


def decode(record: bytes) -> Record:
    """Reads a record."""
    return _KINDS[record[:1]].decode(record)


def target_of(endpoint: str, version: str) -> bytes:
    """Returns the digest of a target."""
    return _digest(json.dumps([endpoint, version]).encode())


def rows_of(target: bytes, keys: Iterable[Key]) -> list[bytes]:
    """Returns the digests of rows."""
    return [_digest(target + digest + _COUNT.pack(ask)) for digest, ask in keys]


def _digest(data):
    return hashlib.blake2b(data, digest_size=16).digest()
