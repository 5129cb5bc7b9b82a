"""Estimates from replicates: what varies with victims, the thief's seeds and test rows.

A replicate is a split of the data, a victim and a seed of the thief. What counts as drawn anew
depends on what there are several of:

1. Several splits: the values are the means of the splits.
2. Several victims on one split: those of the victims, crossed with the thief's seeds where all
   victims have the same ones, because equal seeds draw equal queries and initial weights.
3. One victim: those of the thief's seeds.

Test rows that all cells share are one more crossed factor; equal ones, and those of one group, are
drawn together. Where each split has test rows of its own they are drawn anew with it. See
`attacks.report.statistics.variance.crossed_mean`.
"""

import dataclasses
from typing import Any

import numpy as np

from attacks.report.rows.rows import agreement
from attacks.report.rows.rows import distinct
from attacks.report.rows.rows import group_rows
from attacks.report.rows.rows import REPLICATE
from attacks.report.rows.rows import VICTIM
from attacks.report.statistics.per_row import PerRow
from attacks.report.statistics.variance import crossed_mean
from attacks.report.statistics.variance import Estimate
from attacks.report.statistics.variance import Interval

Rows = list[dict[str, Any]]
# A variance that rounding makes.
_ROUNDING = 1e-24


@dataclasses.dataclass(frozen=True)
class Sample:
    """An estimate and what it was made of.

    Attributes:
        estimate: The estimate.
        splits: Number of splits of the data.
        victims: Number of victims.
        seeds: Largest number of the thief's seeds for one victim.
        rows: Number of test rows.
        groups: Number of groups of test rows that are drawn together; `rows` where each is alone.
        is_by_row: Whether the values of single test rows are known.
        leaves_out: What the interval does not cover: `victims`, `seeds` or `rows`.
    """
    estimate: Estimate
    splits: int
    victims: int
    seeds: int
    rows: int
    groups: int
    is_by_row: bool
    leaves_out: tuple[str, ...]

    @property
    def mean(self) -> float:
        """The mean."""
        return self.estimate.mean

    def fraction_interval(self, confidence: float = 0.95) -> Interval:
        """The interval of a mean that is a fraction of rows."""
        return self.estimate.fraction_interval(self.groups, confidence)


def estimate_level(rows: Rows, per_row: PerRow) -> Sample:
    """The mean agreement of one thief at one budget.

    Where single test rows are unknown, the variance of the replicates and the binomial one of the
    rows are added. This is slightly too wide, because the replicates hold some of the latter.

    Args:
        rows: The rows of the thief, one for each replicate.
        per_row: The agreement by test row.
    """
    agreements = per_row.of(rows)
    if agreements is not None:
        return _sample(rows, agreements, is_by_row=True, groups=per_row.groups_of(rows))
    known = _sample(rows, np.array(list(map(agreement, rows))), is_by_row=False)
    if per_row.are_of_other_rows(rows):
        return dataclasses.replace(known, leaves_out=())
    estimate, count = known.estimate, known.rows
    binomial = estimate.mean * (1 - estimate.mean) / count
    return dataclasses.replace(known,
                               estimate=estimate.plus("rows", binomial, count),
                               leaves_out=_without(known.leaves_out, "rows"))


def estimate_difference(before: Rows, after: Rows, per_row: PerRow) -> Sample:
    """The mean of `after - before`, paired by replicate and, where they are known, by test row.

    Equal clones differ by 0 for certain. Where different ones have equal differences throughout,
    the variance is unknown.

    Args:
        before: The rows of one thief, one for each replicate.
        after: Those of the other thief, in the order of the same replicates.
        per_row: The agreement by test row.
    """
    agreements = per_row.of([*before, *after])
    if agreements is not None:
        first, second = np.split(agreements.astype(np.int8), 2)
        groups = per_row.groups_of([*before, *after])
        sample = _sample(before, second - first, is_by_row=True, groups=groups)
    else:
        values = np.subtract(list(map(agreement, after)), list(map(agreement, before)))
        sample = _sample(before, values, is_by_row=False)
        if per_row.are_of_other_rows([*before, *after]):
            sample = dataclasses.replace(sample, leaves_out=())
    clones = ([row["clone_digest"] for row in rows] for rows in (before, after))
    if (sample.estimate.variance or 0.0) < _ROUNDING and len(set(map(tuple, clones))) > 1:
        return dataclasses.replace(sample,
                                   estimate=dataclasses.replace(sample.estimate, variance=None))
    return sample


def paired(before: Rows, after: Rows) -> tuple[Rows, Rows]:
    """The rows of the replicates that both thieves have, in one order."""
    first, second = (group_rows(rows, *REPLICATE) for rows in (before, after))
    common = [replicate for replicate in first if replicate in second]
    return [first[key][-1] for key in common], [second[key][-1] for key in common]


def drawn_together(rows: Rows) -> list[list[list[int]]]:
    """The places of replicates, grouped by the draw that they share, for each factor that varies.

    Returns:
        For several splits the places by split, as one list of groups; for one split those by
        victim, those by seed, or both where these are crossed.
    """
    splits, victims, seeds = (
        list(_places(rows, *columns).values()) for columns in (("split_seed",), VICTIM, ("seed",)))
    if len(splits) > 1:
        return [splits]
    if len(victims) > 1 and not _are_crossed(rows):
        return [victims]
    return [groups for groups in (victims, seeds) if len(groups) > 1]


def group_means(groups: list[list[int]], values: np.ndarray) -> np.ndarray:
    """The means of groups of replicates, weighted so that they have the mean of all replicates.

    Where groups differ in size, the deviation of each from that mean counts by its size, as in the
    variance of a ratio.

    Args:
        groups: The places of the replicates of each group.
        values: Array `[replicates, ...]`.

    Returns:
        Array `[groups, ...]`.
    """
    mean, even = values.mean(axis=0), len(values) / len(groups)
    return np.stack(
        [mean + len(group) / even * (values[group].mean(axis=0) - mean) for group in groups])


def _sample(rows, values, is_by_row, groups=None):
    array, factors = _arranged(rows, values)
    count = min(distinct(rows, "evaluated_rows"))
    if groups is not None:
        array = _joined(array, groups)
        count = array.shape[-1]
    splits, victims = (len(_places(rows, *columns)) for columns in (("split_seed",), VICTIM))
    seeds = max(len(distinct(group, "seed")) for group in group_rows(rows, *VICTIM).values())
    covered = {
        "victims": victims > 1,
        "seeds": splits > 1 or len(distinct(rows, "seed")) > 1,
        "rows": is_by_row,
    }
    return Sample(crossed_mean(array, [*factors, "rows"] if is_by_row else factors), splits,
                  victims, seeds, min(distinct(rows, "evaluated_rows")), count, is_by_row,
                  tuple(name for name, is_covered in covered.items() if not is_covered))


def _joined(values, groups):
    """The values of groups of test rows, weighted as by `group_means`; rows are the last axis."""
    mean, count = values.mean(axis=-1, keepdims=True), groups.max() + 1
    sums = np.zeros([count, *values.shape[:-1]])
    np.add.at(sums, groups, np.moveaxis(values - mean, -1, 0))
    return mean + np.moveaxis(sums, 0, -1) * count / len(groups)


def _arranged(rows, values):
    """The values with an axis for each factor of the replicates, and the names of these."""
    if _are_crossed(rows):
        places = _places(rows, "victim_fingerprint", "seed")
        victims, seeds = distinct(rows, "victim_fingerprint"), distinct(rows, "seed")
        return np.stack([
            np.stack([values[places[victim, seed]].mean(axis=0)
                      for seed in seeds])
            for victim in victims
        ]), ("victims", "seeds")
    is_one_split = len(distinct(rows, "split_seed")) == 1
    groups, = drawn_together(rows)
    return group_means(groups, values), ("victims" if is_one_split else "splits",)


def _are_crossed(rows):
    """Whether there is one split, and all its victims have the same seeds."""
    victims = group_rows(rows, *VICTIM)
    seeds = [set(distinct(group, "seed")) for group in victims.values()]
    return len(distinct(rows, "split_seed")) == 1 and all(each == seeds[0] for each in seeds)


def _places(rows, *columns):
    """The places of rows by the values of columns."""
    places: dict[tuple, list[int]] = {}
    for place, row in enumerate(rows):
        places.setdefault(tuple(row[column] for column in columns), []).append(place)
    return places


def _without(names, name):
    return tuple(other for other in names if other != name)
