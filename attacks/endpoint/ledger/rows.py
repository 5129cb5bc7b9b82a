"""The states of millions of rows, in memory."""

import collections
from collections.abc import Sequence

import numpy as np

_RECENT_ROWS = 2**15
# The state of a row is a number: the offset of its answer times 2**16, plus its sends.
_OFFSET = 2**16
_MOST_SENDS = _OFFSET - 1


class RowStates:
    """The state of each row, in 24 bytes per row, and the number of rows in each state.

    Recent rows are in a dictionary. From there they are moved to sorted arrays, which take a sixth
    of the memory.
    """

    def __init__(self):
        self._recent: dict[bytes, int] = {}
        self._rows, self._states = np.empty(0, "S16"), np.empty(0, np.int64)
        self._answered: collections.Counter[bytes] = collections.Counter()
        self._in_doubt: collections.Counter[bytes] = collections.Counter()

    def offsets(self, rows: Sequence[bytes]) -> list[int]:
        """Returns where the answer of each row is in the log, 0 if there is none."""
        return (self._get(rows) // _OFFSET).tolist()

    def sends(self, rows: Sequence[bytes]) -> list[int]:
        """Returns how often each row was sent and not refused, up to 65,535."""
        return (self._get(rows) % _OFFSET).tolist()

    def answered(self, target: bytes | None = None) -> int:
        """Returns the number of rows with an answer, of one target or of all."""
        return self._answered.total() if target is None else self._answered[target]

    def in_doubt(self, target: bytes) -> int:
        """Returns the number of rows of a target that were sent and not answered."""
        return self._in_doubt[target]

    def send(self, target: bytes, rows: Sequence[bytes]) -> None:
        """Counts a sending of rows, all different."""
        old = self._get(rows)
        self._set(target, rows, old, old + (old % _OFFSET < _MOST_SENDS))

    def refuse(self, target: bytes, rows: Sequence[bytes]) -> None:
        """Takes a sending of rows back."""
        old = self._get(rows)
        self._set(target, rows, old, old - (old % _OFFSET > 0))

    def answer(self, target: bytes, offsets: dict[bytes, int]) -> None:
        """Says where the answers of rows are; an earlier answer stands."""
        rows, old = list(offsets), self._get(list(offsets))
        new = np.array(list(offsets.values())) * _OFFSET + np.maximum(old, 1)
        self._set(target, rows, old, np.where(old < _OFFSET, new, old))

    def disown(self, target: bytes, rows: Sequence[bytes]) -> None:
        """Forgets where the answers of rows are; the rows count as sent."""
        old = self._get(rows)
        self._set(target, rows, old, old % _OFFSET)

    def _set(self, target, rows, old, new):
        for states, sign in ((old, -1), (new, 1)):
            answered, known = np.sum(states >= _OFFSET), np.sum(states > 0)
            self._answered[target] += sign * int(answered)
            self._in_doubt[target] += sign * int(known - answered)
        self._recent.update(zip(rows, new.tolist(), strict=True))
        if len(self._recent) > _RECENT_ROWS:
            self._move()

    def _get(self, rows):
        wanted = np.array(rows, self._rows.dtype)
        places, is_there = self._find(wanted)
        states = np.zeros(len(rows), np.int64)
        states[is_there] = self._states[places[is_there]]
        recent = self._recent
        return np.array([recent.get(row, state) for row, state in zip(rows, states.tolist())],
                        np.int64)

    def _find(self, wanted):
        """Where rows are, or belong, in the sorted arrays, and whether they are there."""
        places = np.searchsorted(self._rows, wanted)
        is_there = places < len(self._rows)
        is_there[is_there] = self._rows[places[is_there]] == wanted[is_there]
        return places, is_there

    def _move(self):
        rows = np.array(sorted(self._recent), self._rows.dtype)
        states = np.array([self._recent[row] for row in sorted(self._recent)])
        places, is_there = self._find(rows)
        self._states[places[is_there]] = states[is_there]
        new = ~is_there
        self._rows = np.insert(self._rows, places[new], rows[new])
        self._states = np.insert(self._states, places[new], states[new])
        self._recent.clear()
