"""Scores in the lists and maps of JSON and Python."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from attacks.endpoint.class_names import ClassNames
from attacks.endpoint.failures import EndpointError
from models.answers.answer_form import decimals_of
from revsig_keras.arguments import is_real

# The largest sum of rounded probabilities.
_ONE = 1.01
# The most that rounding adds to a score, in units of its last decimal; cutting off takes up to 1.
_ROUNDED_UP = 0.501
_FORMS = ("numbers in class order, a map from names of classes to scores, pairs of a name and a "
          "score, or a name for each row")


class Scores:
    """Reads scores. A row has one of these forms:

    - numbers in the order of the data's labels, or a single number;
    - a map from names of classes to scores;
    - pairs `[name, score]`, of all classes or the best ones, or one of them alone;
    - a list of names and a list of their scores;
    - the name of a class.

    The classes that a row does not name share the rest up to 1 evenly (up to 100, if the scores sum
    to more than 1, and rounding does not explain it). None of them gets more than the smallest
    named score. If a row that is completed so still misses 1 (or 100), and rounding explains by how
    much, it is scaled to that sum.

    Args:
        classes: The names of the classes.
    """

    def __init__(self, classes: ClassNames):
        self._classes = classes

    def of_rows(self, answers: Any, rows: int) -> np.ndarray:
        """Returns the scores of several rows.

        Args:
            answers: A list with an item for each row.
            rows: The number of rows that were sent.

        Returns:
            Array of numbers `[rows, ...]` as they came, `[rows, classes]` in float64 if they were
            named, or labels `[rows]` in int64.

        Raises:
            EndpointError: If the answers are none of these, or of another number of rows.
        """
        count = len(answers) if _is_list(answers) else "none"
        if count != rows:
            raise EndpointError(f"The endpoint must answer {rows} inputs with {rows} rows. "
                                f"Received: {count} of them in {type(answers).__name__}")
        numbers = _numbers(answers)
        if numbers is not None:
            return self._classes.labels(numbers)
        if all(isinstance(answer, str) for answer in answers):
            return np.array([self._classes.label(answer) for answer in answers], np.int64)
        return self._table([self._named(answer) for answer in answers])

    def of_row(self, answer: Any) -> np.ndarray:
        """Returns the scores of one row, which may be in a list of its own; see `of_rows`."""
        if _numbers(answer) is not None:
            is_row = np.ndim(answer) < 2
        else:
            is_row = _pairs(answer) is not None or not _is_list(answer) or len(answer) != 1
        return self.of_rows([answer] if is_row else answer, 1)

    def _named(self, answer):
        """The scores of a row by label."""
        pairs = _pairs(answer)
        if pairs is None:
            raise EndpointError(f"The endpoint must answer with {_FORMS}, the same for all rows. "
                                f"Received: {_shown(answer)}")
        scores = {}
        for name, score in pairs:
            label = self._classes.label(name)
            if label in scores:
                raise EndpointError("The endpoint must name each class once for a row. Received: "
                                    f"{str(name)[:60]!r} twice")
            scores[label] = score
        return scores

    def _table(self, rows):
        width = len(self._classes) or len(rows[0])
        if not self._classes and any(set(row) != set(range(width)) for row in rows):
            raise EndpointError("`class_names` must be given if the endpoint does not name all "
                                f"classes. Received: {len(rows[0])} of them")
        named = [np.array(list(row.values()), float) for row in rows]
        known = np.concatenate(named)
        decimals = decimals_of(known[np.isfinite(known)])
        table = np.empty((len(rows), width))
        for scores, row, given in zip(table, rows, named):
            if len(row) < width:
                given, scores[:] = _completed(given, width - len(row), decimals)
            scores[list(row)] = given
        return table


def _is_list(answer):
    return isinstance(answer, (list, tuple)) or isinstance(answer, np.ndarray) and answer.ndim > 0


def _numbers(answer):
    """An array of the numbers in nested lists, None if there is anything else."""
    try:
        array = np.asarray(answer)
    except ValueError:  # Rows of different lengths.
        return None
    if array.size and array.dtype.kind in "iuf":
        return array
    # A bfloat16, or one that a framework made of its own.
    return array if array.size and array.dtype.name == "bfloat16" else None


def _pairs(answer: Any) -> Sequence[tuple[Any, Any]] | None:
    """The pairs of a name and a score in a row; None if it has another form."""
    if isinstance(answer, Mapping):
        pairs = list(answer.items())
    elif not _is_list(answer):
        return None
    elif len(answer) == 2 and isinstance(answer[0], str):
        pairs = [tuple(answer)]
    elif len(answer) == 2 and all(map(_is_list, answer)) and len(answer[0]) == len(
            answer[1]) and all(isinstance(name, str) for name in answer[0]) and not any(
                isinstance(score, str) for score in answer[1]):
        pairs = list(zip(*answer))
    elif all(_is_list(pair) and len(pair) == 2 and isinstance(pair[0], str) for pair in answer):
        pairs = list(map(tuple, answer))
    else:
        return None
    if not pairs:
        return None
    for _, score in pairs:
        if not is_real(score):
            raise EndpointError("The endpoint must answer with scores that are numbers. Received: "
                                f"{_shown(score)}")
    return pairs


def _completed(named, unnamed, decimals):
    """The scores of the classes of a row that are named, and that of each of the others."""
    total, unit = named.sum(), 10.0**-decimals if decimals else 0.0
    whole = 1 if total <= max(_ONE, 1 + _ROUNDED_UP * len(named) * unit) else 100
    if whole == 100 and decimals == 0:  # Whole numbers up to 1 are no rounded probabilities.
        unit = 1.0
    rest = min(max(0.0, (whole - total) / unnamed), named.min())
    reached = total + unnamed * rest
    least, most = (len(named) + unnamed) * unit, _ROUNDED_UP * len(named) * unit
    if reached > 0 and whole - least <= reached <= whole + most:
        named, rest = named * (whole / reached), rest * (whole / reached)
    return named, rest


def _shown(value):
    text = "nothing" if value is None else str(value)
    return text if len(text) <= 60 else f"{text[:60]}..."
