"""Small ledgers for tests, and their contents."""
import numpy as np

from attacks.endpoint.ledger import frames
from attacks.endpoint.ledger.head import HEAD_BYTES
from attacks.endpoint.ledger.records import Answer
from attacks.endpoint.ledger.records import decode

ENDPOINT = "http://host:8501/v1/models/victim"


def key_of(number):
    """The key of an input of a test."""
    return number.to_bytes(16, "big"), 0


def answers_of(numbers, classes=10):
    """The answers to inputs: each consists of the number of its input, repeated."""
    return np.repeat(np.float32(numbers)[:, None], classes, axis=1)


def ask(ledger, target, numbers, classes=10, settled=True):
    """Asks a batch."""
    keys = [key_of(number) for number in numbers]
    ledger.intend(target, keys, "run", "thief")
    if settled:
        ledger.settle([(target, keys, answers_of(numbers, classes))])


def answered(ledger, target, numbers):
    """The numbers of the inputs that have an answer; all answers are checked."""
    found = ledger.find(target, map(key_of, numbers))
    for (key, _), answer in found.items():
        assert (answer == int.from_bytes(key, "big")).all()
    assert ledger.answered(target) == len(found)
    return {int.from_bytes(key, "big") for key, _ in found}


def frames_in(path):
    """Triples of the start, the end and the record of each undamaged frame."""
    with open(path, "rb") as file:
        return [(offset, offset + len(frame), decode(frames.decode(frame)))
                for offset, frame in frames.scan(file, HEAD_BYTES)]  # yapf: disable


def number_answered(record):
    """The number of the input that a record answers, or None for another kind of record."""
    return int(np.frombuffer(record.values, "<f4")[0]) if isinstance(record, Answer) else None
