"""Means of what several random factors vary, and intervals that cover all of them."""

from collections.abc import Sequence
import dataclasses
import itertools
import math

import numpy as np
from scipy import stats

Interval = tuple[float, float]


@dataclasses.dataclass(frozen=True)
class Estimate:
    """A mean, and how far it varies where its factors are drawn anew.

    Attributes:
        mean: The mean.
        variance: The variance of the mean; `None` where it is unknown, as nothing varies.
        degrees: The degrees of freedom of the variance.
        parts: By factor, how much of the variance more members of this factor would remove.
    """
    mean: float
    variance: float | None
    degrees: float
    parts: dict[str, float]

    def interval(self, confidence: float = 0.95) -> Interval | None:
        """Student's interval; `None` where the variance is unknown."""
        if self.variance is None:
            return None
        margin = self._quantile(confidence) * math.sqrt(self.variance)
        return self.mean - margin, self.mean + margin

    def difference_interval(self, confidence: float = 0.95) -> Interval | None:
        """Student's interval of a difference of fractions, without what lies outside [-1, 1]."""
        ends = self.interval(confidence)
        return ends and (max(-1.0, ends[0]), min(1.0, ends[1]))

    def fraction_interval(self, rows: int, confidence: float = 0.95) -> Interval:
        """The interval of a fraction, which stays inside [0, 1] (Wilson, 1927).

        Wilson's formula with Student's quantile and the number of independent rows that has the
        same variance, p (1 - p) / variance (Korn and Graubard, 1998).

        Args:
            rows: The number of rows that the fraction is measured on. It is taken where nothing
                varies, as where all rows agree.
            confidence: The probability that the interval covers.
        """
        spread = self.mean * (1 - self.mean)
        count = spread / self.variance if self.variance and spread > 0 else rows
        quantile = self._quantile(confidence)
        centre = self.mean + quantile**2 / (2 * count)
        margin = quantile * math.sqrt(spread / count + (quantile / (2 * count))**2)
        low, high = ((centre + side) / (1 + quantile**2 / count) for side in (-margin, margin))
        return max(0.0, low), min(1.0, high)

    def plus(self, factor: str, variance: float, degrees: float) -> "Estimate":
        """This estimate with the variance of one more, independent factor."""
        known = (self.variance or 0.0, self.degrees)
        return Estimate(self.mean, *_independent(known, (variance, degrees)), {
            **self.parts, factor: variance
        })

    def _quantile(self, confidence):
        return float(stats.t.ppf((1 + confidence) / 2, self.degrees))


def crossed_mean(values: np.ndarray, factors: Sequence[str]) -> Estimate:
    """The mean of values that vary with crossed random factors, such as seeds and test rows.

    With the mean squares MS of the main effects and interactions of a balanced design, the variance
    of the mean of n values is

        (sum over sets A of factors of (-1)^(|A| + 1) MS_A) / n,

    for two factors (MS_1 + MS_2 - MS_12) / n, and for one Student's s^2 / n. Noise in the
    differences never makes it lower than that of a single factor, MS_i / n.

    Its degrees of freedom are those of Satterthwaite (1946) for the sum v of all sets without the
    last factor, whose members are many, and likewise for the sum w of all sets with it. Together
    they are (v + w) / (v / degrees_v + w / degrees_w): his formula squares all four terms,
    and where three seeds make most of the variance its intervals cover 92% instead of 95%. Those of
    w are at least the members of the last factor less one, because a small w is known well.

    >>> low, high = crossed_mean(np.array([1.0, 2.0, 3.0]), ["seeds"]).interval()
    >>> round(low, 4), round(high, 4)
    (-0.4841, 4.4841)

    Args:
        values: An array with an axis for each factor, the last for that of most members.
        factors: Their names. A factor with a single member does not vary and is left out.
    """
    names = [name for name, size in zip(factors, values.shape, strict=True) if size > 1]
    values, total = values.squeeze(), values.size
    mean = float(values.mean())
    if not names:
        return Estimate(mean, None, math.inf, {})
    terms = dict(_mean_squares(values))
    last = len(names) - 1
    few, many = ([term
                  for chosen, term in terms.items()
                  if (last in chosen) == is_last]
                 for is_last in (False, True))
    singles = [terms[(axis,)] for axis in range(len(names))]
    least = singles[-1][1]
    summed = _independent(max([_sum(few), *singles[:-1]]), max([_sum(many, least), (0.0, least)]))
    variance, degrees = max([summed, *singles])
    parts = {
        name: max(0.0, sum(square for chosen, (square, _) in terms.items() if axis in chosen)) /
              total for axis, name in enumerate(names)
    }  # yapf: disable
    return Estimate(mean, variance / total, degrees, parts)


def _sum(terms, least=0):
    """A sum of mean squares, and Satterthwaite's degrees of freedom; none for no term.

    Where the mean squares cancel, his formula gives nearly none: `least` is a lower bound.
    """
    doubt = sum(square**2 / degrees for square, degrees in terms)
    summed = sum(square for square, _ in terms)
    return summed, max(least, summed**2 / doubt) if doubt else math.inf


def _independent(first, second):
    """The sum of two variances, and the mean of their degrees of freedom."""
    summed = first[0] + second[0]
    doubt = first[0] / first[1] + second[0] / second[1]
    return summed, summed / doubt if doubt else math.inf


def _mean_squares(values):
    """By set of axes: the mean square of its effect, with its sign, and its degrees of freedom."""
    axes = range(values.ndim)
    for size in range(1, values.ndim + 1):
        for chosen in itertools.combinations(axes, size):
            others = tuple(axis for axis in axes if axis not in chosen)
            effect = values.mean(axis=others, keepdims=True)
            for axis in chosen:
                effect = effect - effect.mean(axis=axis, keepdims=True)
            degrees = math.prod(values.shape[axis] - 1 for axis in chosen)
            repeats = math.prod(values.shape[axis] for axis in others)
            sign = 1 if size % 2 else -1
            yield chosen, (sign * repeats * float(np.sum(effect**2)) / degrees, degrees)
