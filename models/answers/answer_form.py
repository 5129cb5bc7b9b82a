"""How the numbers of a served classifier are read as probabilities."""
from collections.abc import Sequence
import dataclasses
from typing import Any, Self

import numpy as np

from models.answers.answers import check_numbers
from models.training.plan import SUM_TOLERANCE

_PERCENT = 100
_MOST_DECIMALS = 4
# Rows whose sum is nearer to 1 are left as they are, to the bit.
_KEPT = SUM_TOLERANCE / 2


@dataclasses.dataclass(frozen=True)
class AnswerForm:
    """The form of the answers of a classifier.

    An answer has one number per class, or a single number:

    - K numbers v of at least 0: the probabilities are v / sum(v). Rounding must explain why the sum
      differs from the `total` T. Let n be the number of entries above 0, m the smallest of them, z
      the number of zeros, and u = 10^-decimals the unit. The sum must then lie between
      T - n u - z m and T + n u / 2, give or take 0.01 T: truncation lowers an entry by up to u, and
      a zero stands for up to m, since it was rounded, or left out as in a top-k answer. A row of
      zeros is refused. Rows whose sum is within 0.005 of 1 are left as they are.
    - A single number, for two classes, is the probability of the second, times T.
    - Any other single whole number is a label, counted from `first_label`.

    Attributes:
        num_classes: The number of classes, K.
        total: What the numbers of an answer sum to, 1 or 100.
        decimals: The number of decimals of all answers, or `None` if they are not rounded, or not
            known to be.
        first_label: The number of the first class, 0 or 1.
        is_label: Whether a single number is a label even of two classes.
        is_open: Whether the decimals are yet to be told: each answer so far is a one and zeros.
    """
    num_classes: int
    total: int = 1
    decimals: int | None = None
    first_label: int = 0
    is_label: bool = False
    is_open: bool = False

    @classmethod
    def of(cls,
           answers: Sequence[np.ndarray],
           num_classes: int,
           labels: np.ndarray | None = None) -> Self:
        """Finds out the form of answers.

        Args:
            answers: Arrays of one dimension, as the server sent them, enough to tell the form.
            num_classes: The number of classes of the data.
            labels: The true labels, for endpoints that answer with labels: they decide whether
                those are counted from 0 or 1 if the answers do not. Defaults to unknown.

        Raises:
            ValueError: If the answers are neither probabilities nor labels.
        """
        single = [len(answer) == 1 for answer in answers]
        if any(single):
            numbers = np.array([answer[0] for answer in answers if len(answer) == 1])
            true = None if labels is None else np.asarray(labels)[single]
            form = cls(num_classes, **_single_form(numbers, num_classes, true))
            form.probabilities(answers)
            return form
        scores = np.stack(answers)
        check_numbers(scores)
        _check_answered(scores)
        for total in (1, _PERCENT):
            form = cls(num_classes, total, is_open=True).closed_by(answers)
            if total == 1 or np.median(scores.sum(axis=1)) > total / 2:
                try:
                    form.probabilities(answers)
                    return form
                except ValueError:
                    pass
        sums = scores.sum(axis=1, dtype=np.float64)
        raise ValueError("The endpoint must answer with probabilities: numbers of at least 0 that "
                         "sum to 1, or to 100, in each row, as far as their rounding explains. "
                         f"Received: row sums from {sums.min():.4g} to {sums.max():.4g}")

    def closed_by(self, answers: Sequence[np.ndarray]) -> Self:
        """Returns the form once these answers are known too: they may tell the decimals.

        Raises:
            ValueError: If the decimals are open and these are not finite and at least 0.
        """
        rows = [answer for answer in answers if len(answer) == self.num_classes]
        if not self.is_open or not rows:
            return self
        scores = np.stack(rows)
        check_numbers(scores)
        decimals = decimals_of(scores)
        if self.total == 1 and decimals == 0:
            return self
        return dataclasses.replace(self, decimals=decimals, is_open=False)

    def probabilities(self, answers: Sequence[np.ndarray]) -> np.ndarray:
        """Returns the probabilities `[n, num_classes]`, float32, in answers of this form.

        Args:
            answers: Arrays of one dimension, each of `num_classes` numbers or of one.

        Raises:
            ValueError: If an answer is of another form.
        """
        lengths = np.array([len(answer) for answer in answers], int)
        result = np.empty((len(answers), self.num_classes), np.float32)
        for length, read in ((1, self._read_single), (self.num_classes, self._read_rows)):
            places = np.flatnonzero(lengths == length)
            if len(places):
                result[places] = read(np.stack([answers[place] for place in places]))
        return result

    def describe(self) -> dict[str, Any]:
        """Returns what a record keeps of it."""
        return {name: value for name, value in dataclasses.asdict(self).items()
                if name in ("total", "decimals", "first_label")}  # yapf: disable

    def sentence(self) -> str:
        """Describes what is unusual about the form; empty for plain probabilities."""
        if self.first_label:
            return "The endpoint answers with labels that are counted from 1."
        parts = ["in per cent"] if self.total == _PERCENT else []
        if self.decimals is not None:
            parts.append("rounded to " + {
                0: "whole numbers",
                1: "1 decimal"
            }.get(self.decimals, f"{self.decimals} decimals"))
        if not parts:
            return ""
        return f"The endpoint answers {', '.join(parts)}; rows that do not sum to 1 are normalised."

    def _read_single(self, answers):
        numbers = answers[:, 0]
        if self.num_classes == 2 and not self.is_label:
            return _read_unit(numbers, self.total)
        labels = numbers - self.first_label
        outside = ~((labels >= 0) & (labels < self.num_classes) & (labels == np.rint(labels)))
        if outside.any():
            last = self.num_classes - 1 + self.first_label
            raise ValueError(f"A label must be a whole number from {self.first_label} to {last}, "
                             f"as in the data. Received: {numbers[outside][0]:g}")
        return np.eye(self.num_classes, dtype=np.float32)[labels.astype(np.int64)]

    def _read_rows(self, answers):
        check_numbers(answers)
        sums = answers.sum(axis=1, dtype=np.float64)
        least = self.total * (1 - SUM_TOLERANCE)
        most = self.total * (1 + SUM_TOLERANCE)
        if sums.min() < least or sums.max() > most:
            self._check_sums(answers, sums, least, most)
        divided = np.abs(sums - 1) > _KEPT
        if not divided.any():
            return answers
        answers = answers.astype(np.float32)
        answers[divided] = answers[divided] / sums[divided, None]
        return answers

    def _check_sums(self, answers, sums, least, most):
        _check_answered(answers)
        unit = 0.0 if self.decimals is None else 10.0**-self.decimals
        above = np.sum(answers > 0, axis=1)
        smallest = np.where(answers > 0, answers, np.inf).min(axis=1)
        zeros = self.num_classes - above
        explained = (sums >= least - above * unit - zeros * smallest) & (sums
                                                                         <= most + above * unit / 2)
        if not explained.all():
            raise ValueError(
                "The endpoint must answer with probabilities, which sum to "
                f"{self.total} in each row, as far as their rounding explains. Received: a row "
                f"with the sum {sums[~explained][0]:.4g}")


def _check_answered(answers):
    is_empty = ~answers.any(axis=1)
    if is_empty.any():
        raise ValueError("The endpoint must answer each row. Received: nothing but zeros for "
                         f"{np.sum(is_empty)} of {len(answers)} rows, as rounding may leave of "
                         "small probabilities")


def _single_form(numbers, num_classes, true):
    """The fields of a form of single numbers."""
    check_numbers(numbers[:, None])
    is_whole, most = np.array_equal(numbers, np.rint(numbers)), numbers.max()
    if num_classes == 2 and most <= 1:
        return {}
    if num_classes == 2 and not (is_whole and most <= 2):
        return {"total": _PERCENT, "decimals": decimals_of(numbers)}
    if not is_whole:
        raise ValueError(f"An answer must have {num_classes} classes, as the data has. Received: "
                         "1 numbers per row")
    return {"is_label": True, "first_label": _first_label(numbers, num_classes, true)}


def _first_label(numbers, num_classes, true):
    """0 or 1, by the range of the labels, or else whichever makes more of them right."""
    if numbers.min() == 0 or numbers.max() > num_classes:
        return 0
    if numbers.max() == num_classes:
        return 1
    return int(true is not None and np.mean(numbers - 1 == true) > np.mean(numbers == true))


def _read_unit(numbers, total):
    if not np.all((numbers >= 0) & (numbers <= total)):
        outside = numbers[~((numbers >= 0) & (numbers <= total))]
        raise ValueError("A single number of two classes must be a probability, from 0 to "
                         f"{total}. Received: {outside[0]:g}; does the model emit logits?")
    unit = numbers if total == 1 else numbers / np.float32(total)
    return np.stack([1 - unit, unit], axis=1)


def decimals_of(numbers: np.ndarray) -> int | None:
    """The number of decimals to which all numbers, finite ones, are rounded, or `None`."""
    for decimals in range(_MOST_DECIMALS + 1):
        scaled = numbers.astype(np.float64) * 10**decimals
        # As exact as float32 is.
        if np.all(np.abs(scaled - np.rint(scaled)) <= 1e-3 + 2e-7 * scaled):
            return decimals
    return None
