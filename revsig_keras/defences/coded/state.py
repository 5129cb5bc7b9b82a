"""What a coded defence knows of its classifier: where buckets begin, and what they are worth."""
from collections.abc import Mapping
import dataclasses
import json
import math
import os
import pathlib
from typing import Any

import numpy as np

from revsig_keras.arguments import check_integer
from revsig_keras.arguments import is_real
from revsig_keras.errors import first_line

MOST_BITS = 8
# Unfitted edges lie between these powers of 1/2.
_FIRST, _LAST = 1.0, 7.0
_TINY = float(np.finfo("float32").tiny)
_KEYS = ("bits", "classes", "edges", "confidences")


@dataclasses.dataclass(frozen=True)
class CodeState:
    """The buckets of a coded defence.

    A row is in the bucket whose index is the number of edges that it reaches: of edges that are
    not below its doubt 1 - y_top.

    Attributes:
        bits: Integer from 0 to 8, the most bits of confidence in an answer.
        classes: Integer, the number of classes of the rows it was fitted to; `None` for any.
        edges: Falling numbers of float32 in (0, 1), at most 2^bits - 1.
        confidences: Rising numbers in (0, 1], one more than there are edges.
    """
    bits: int
    classes: int | None
    edges: tuple[float, ...]
    confidences: tuple[float, ...]

    def __post_init__(self) -> None:
        check_bits(self.bits)
        if self.classes is not None:
            check_integer("classes", self.classes, least=2)
        edges, confidences = self.edges, self.confidences
        _require(all(map(is_real, edges + confidences)), "numbers", edges + confidences)
        _require(len(edges) < 2**self.bits, f"at most {2**self.bits - 1} edges", edges)
        _require(len(confidences) == len(edges) + 1, "one confidence more than edges", confidences)
        _require(all(_TINY <= edge < 1 and edge == float(np.float32(edge)) for edge in edges),
                 "edges that are normal numbers of float32 in (0, 1)", edges)  # yapf: disable
        _require(all(x > y for x, y in zip(edges, edges[1:])), "falling edges", edges)
        _require(all(0 < x <= 1 for x in confidences), "confidences in (0, 1]", confidences)
        _require(all(x <= y for x, y in zip(confidences, confidences[1:])),
                 "rising confidences", confidences)  # yapf: disable

    @property
    def effective_bits(self) -> float:
        """The binary logarithm of the number of buckets."""
        return math.log2(len(self.confidences))

    def as_dict(self) -> dict[str, Any]:
        """Returns the state as JSON can hold it."""
        return {
            "bits": self.bits,
            "classes": self.classes,
            "edges": list(self.edges),
            "confidences": list(self.confidences),
        }

    @classmethod
    def from_dict(cls, state: Mapping[str, Any]) -> "CodeState":
        """Reads what `as_dict` returned.

        Raises:
            ValueError: If it is something else.
        """
        if not isinstance(state, Mapping) or set(state) != set(_KEYS):
            raise ValueError(f"`state` must have the keys {', '.join(_KEYS)}. Received: {state!r}")
        lists = (state["edges"], state["confidences"])
        _require(all(isinstance(each, (list, tuple)) for each in lists), "lists", lists)
        edges, confidences = map(tuple, lists)
        return cls(state["bits"], state["classes"], edges, confidences)


def unfitted(bits: int) -> CodeState:
    """Returns the state of a defence that was not fitted.

    The edges divide the powers of 1/2 from the first to the seventh into 2^bits equal intervals,
    and the confidence of each bucket is that of the middle of its interval.
    """
    count = 2**check_bits(bits)
    width = (_LAST - _FIRST) / count
    edges = [float(np.float32(2.0**-(_FIRST + width * i))) for i in range(1, count)]
    confidences = [1.0 - 2.0**-(_FIRST + width * (i + 0.5)) for i in range(count)]
    return CodeState(bits, None, tuple(edges), tuple(confidences))


def load(path: str | os.PathLike[str]) -> CodeState:
    """Reads a state from a JSON file.

    Raises:
        ValueError: If the file cannot be read, or holds something else.
    """
    try:
        return CodeState.from_dict(json.loads(pathlib.Path(path).read_text("utf-8")))
    except (OSError, ValueError) as error:
        raise ValueError("`state` must be a readable JSON file that holds the state of a fitted "
                         f"defence. Received: {path}: {first_line(error)}") from error


def check_bits(bits: Any) -> int:
    """Raises `ValueError` for a number of bits that is out of range."""
    return check_integer("bits", bits, 0, MOST_BITS)


def _require(condition: bool, expected: str, received: Any) -> None:
    if not condition:
        raise ValueError(f"`state` must have {expected}. Received: {received!r}")
