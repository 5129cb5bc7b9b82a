"""Chooses the strength of the Reverse Sigmoid."""
import itertools
from typing import Iterable

import numpy as np
from numpy.typing import ArrayLike

from revsig_keras import metrics
from revsig_keras.defences.reverse_sigmoid import reverse_sigmoid
from revsig_keras.strength.checks import check_grid
from revsig_keras.strength.checks import check_labels
from revsig_keras.strength.checks import check_limits
from revsig_keras.strength.checks import check_rows
from revsig_keras.strength.table import StrengthChoice
from revsig_keras.strength.table import StrengthRow

_GAMMAS = (0.05, 0.1, 0.2, 0.4, 0.8)
_HIGHEST_BETA = 1.9
# Refinement of beta ends this close to a limit, or at neighbours of this many digits.
_CLOSE = 0.995
_DIGITS = 4
# Entries of `probabilities` that are worked on at a time.
_BATCH_ENTRIES = 2**21


def choose_strength(probabilities: ArrayLike,
                    labels: ArrayLike | None = None,
                    max_l1: float | None = None,
                    max_kl_nats: float | None = None,
                    max_ece: float | None = None,
                    gammas: Iterable[float] | None = None,
                    betas: Iterable[float] | None = None) -> StrengthChoice:
    """Chooses the `beta` and `gamma` that mislead a thief most, inside the owner's limits.

    Of all combinations whose costs are inside every limit given, the one of the largest mean
    KL(clean || defended) is chosen. The costs are those of `ReverseSigmoid(beta, gamma)` with
    `preserve_top1`, means over the rows. After the grid, `beta` is refined between its last value
    inside the limits and the next one, for every `gamma`: by bisection, to within 0.5% of a limit
    or 4 digits. (Only what was found inside the limits is ever chosen, so no cost needs to be
    monotone in `beta`.)

    Choose on rows that the model was not trained on, since it is too sure of those, and that no
    figure is measured on later. 10,000 rows of 10 classes take seconds.

    Args:
        probabilities: Array `(rows, classes)`, clean probabilities that the model emits; or
            `(rows, 1)`, those of one sigmoid unit, where y counts as the row (1 - y, y) of two
            classes. (Each unit of a multi-label head is such a row: reshape to `(-1, 1)`.)
        labels: Integer array `(rows,)`, the true labels from 0 up, for the expected calibration
            error; of a sigmoid unit 0 or 1. Defaults to `None`.
        max_l1: Float above 0, limit of the mean L1 distance between clean and defended answers,
            which is at most 2. Defaults to `None`.
        max_kl_nats: Float above 0, limit of the mean KL(clean || defended) in nats. Defaults to
            `None`.
        max_ece: Float above 0, limit of the expected calibration error of the defended answers
            (15 bins); needs `labels`. Defaults to `None`.
        gammas: Iterable of floats in (0, 1]. `None` for 0.05, 0.1, 0.2, 0.4 and 0.8. Defaults to
            `None`.
        betas: Iterable of floats in (0, 2). `None` for 2 / classes, at which a sure answer is
            moved by an L1 distance of 1, its halves down to a 32nd and its doubles, and at last
            1.9. Defaults to `None`.

    Returns:
        A `StrengthChoice`: `beta` and `gamma`, `layer()`, the frontier as `rows`; `print` shows it
        as a table, and `plot(path)` draws it.

    Raises:
        ValueError: If no limit is given, if no combination is inside the limits, or for rows that
            are no distributions.

    Example:

    >>> clean = np.array([[0.98, 0.01, 0.01], [0.1, 0.8, 0.1], [0.3, 0.3, 0.4]])
    >>> choice = choose_strength(clean, max_l1=0.5)
    >>> 0.49 < choice.row.l1 <= 0.5
    True
    >>> choice.layer().beta == choice.beta
    True

    A binary classifier that ends in one sigmoid unit:

    >>> choice = choose_strength([[0.98], [0.1], [0.6]], labels=[1, 0, 1], max_l1=0.5)
    >>> choice.num_classes
    2
    """
    limits = check_limits(labels, l1=max_l1, kl_nats=max_kl_nats, ece=max_ece)
    probabilities = check_rows(probabilities)
    labels = check_labels(labels, probabilities)
    gammas = check_grid("gammas", _GAMMAS if gammas is None else gammas)
    if betas is None:
        betas = _betas(probabilities.shape[1])
    betas = check_grid("betas", betas)

    costs = _Costs(probabilities, labels, limits)
    rows = []
    for gamma in gammas:
        grid = [costs.at(beta, gamma) for beta in betas]
        rows += sorted(grid + _refine(costs, grid), key=lambda row: row.beta)
    inside = [row for row in rows if row.inside_limits]
    if not inside:
        raise ValueError(_nothing_inside(rows, limits))
    best = max(inside, key=lambda row: row.kl_nats)
    return StrengthChoice(row=best,
                          rows=tuple(rows),
                          limits=limits,
                          clean_ece=costs.clean_ece,
                          num_rows=len(probabilities),
                          num_classes=probabilities.shape[1])


class _Costs:
    """What any strength costs on the given rows."""

    def __init__(self, probabilities, labels, limits):
        batch = max(1, _BATCH_ENTRIES // probabilities.shape[1])
        starts = range(0, len(probabilities), batch)
        p = probabilities.astype("float64")
        with np.errstate(divide="ignore"):
            log_p = np.log(p / p.sum(axis=1, keepdims=True))
        self._batches = [(probabilities[i:i + batch], log_p[i:i + batch],
                          None if labels is None else labels[i:i + batch]) for i in starts]
        self._limits = limits
        self.clean_ece = self._measure(lambda clean: clean)["ece"]

    def at(self, beta, gamma):
        """Returns the `StrengthRow` of a strength."""
        costs = self._measure(
            lambda clean: np.asarray(reverse_sigmoid(clean, beta, gamma, dtype="float32")))
        inside = all(costs[name] <= limit for name, limit in self._limits.items())
        return StrengthRow(beta, gamma, **costs, inside_limits=inside)

    def is_at_a_limit(self, row):
        """Whether a row that is inside the limits is close to one of them."""
        return any(getattr(row, name) >= _CLOSE * limit for name, limit in self._limits.items())

    def _measure(self, defend):
        calibration = metrics.ExpectedCalibrationError()
        noises = []
        for clean, log_p, labels in self._batches:
            defended = defend(clean)
            noises.append(metrics.noise(log_p, defended))
            if labels is not None:
                calibration.update_state(labels, defended)

        def mean(name):
            return float(np.concatenate([getattr(noise, name) for noise in noises]).mean())

        return {
            "l1": mean("l1"),
            "kl_nats": mean("kl_clean_defended_nats"),
            "top1_confidence_shift": mean("top1_confidence_shift"),
            "ece": None if labels is None else float(calibration.result()),
            "label_changes": int(sum(noise.label_changed.sum() for noise in noises)),
        }


def _refine(costs, grid):
    """Rows between the last strength of a grid of betas that is inside the limits and the next."""
    last = max((i for i, row in enumerate(grid) if row.inside_limits), default=len(grid) - 1)
    if last == len(grid) - 1:
        return []
    inside, outside, found = grid[last], grid[last + 1], []
    while not costs.is_at_a_limit(inside):
        beta = _round((inside.beta + outside.beta) / 2)
        if not inside.beta < beta < outside.beta:
            break
        row = costs.at(beta, inside.gamma)
        if row.inside_limits:
            inside = row
            found = [row]
        else:
            outside = row
    return found


def _round(x):
    """`x` to a number of digits that can be read and pasted."""
    return float(f"{x:.{_DIGITS}g}")


def _betas(classes):
    """2 / classes, times powers of 2."""
    powers = (_round(2.0 / classes * 2.0**power) for power in itertools.count(-5))
    return (*itertools.takewhile(lambda beta: beta < 0.9 * _HIGHEST_BETA, powers), _HIGHEST_BETA)


def _nothing_inside(rows, limits):
    """Says which limit is not met, by what is closest to meeting them all."""
    ratios = [(max((getattr(row, name) / limit, name)
                   for name, limit in limits.items()), i)
              for i, row in enumerate(rows)]
    (_, name), closest = min(ratios)
    row = rows[closest]
    return (f"No combination of `betas` and `gammas` is inside `max_{name}`={limits[name]:g}. The "
            f"closest has {name}={getattr(row, name):.6g}, with beta={row.beta:g} and "
            f"gamma={row.gamma:g}. Allow more, or try smaller `betas`.")
