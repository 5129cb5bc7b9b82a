"""Chooses the strength of the Reverse Sigmoid by its costs."""
import itertools
from typing import Any, Callable, Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike

from revsig_keras import metrics
from revsig_keras.defences.reverse_sigmoid import reverse_sigmoid
from revsig_keras.strength.checks import check_grid
from revsig_keras.strength.checks import check_labels
from revsig_keras.strength.checks import check_limits
from revsig_keras.strength.checks import check_rows
from revsig_keras.strength.choice import StrengthChoice
from revsig_keras.strength.row import StrengthRow

_GAMMAS = (0.05, 0.1, 0.2, 0.4, 0.8)
_HIGHEST_BETA = 1.9
# Refinement of beta ends this close to a limit, or when neighbours agree in this many digits.
_CLOSE = 0.995
_DIGITS = 4
# Entries of `probabilities` per batch.
_BATCH_ENTRIES = 2**21


def choose_strength(probabilities: ArrayLike,
                    labels: ArrayLike | None = None,
                    max_l1: float | None = None,
                    max_kl_nats: float | None = None,
                    max_ece: float | None = None,
                    gammas: Iterable[float] | None = None,
                    betas: Iterable[float] | None = None) -> StrengthChoice:
    """Chooses the `beta` and `gamma` that mislead a thief most, inside the owner's limits.

    Of all combinations whose costs are inside every given limit, the one with the largest mean
    KL(clean || defended) is chosen. The costs are those of `ReverseSigmoid(beta, gamma)` with
    `preserve_top1`, means over the rows. After the grid, `beta` is refined for every `gamma`
    between its last value inside the limits and the next one: by bisection, to within 0.5% of a
    limit or to 4 digits. (Only a strength that was measured inside the limits is ever chosen, so no
    cost needs to be monotone in `beta`.)

    Give rows that the model was not trained on, since it is too sure of those, and that are not
    used for figures later. 10,000 rows of 10 classes take seconds.

    Args:
        probabilities: Array `(rows, classes)`, the clean probabilities of the model; or
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
        betas: Iterable of floats in (0, 2). `None` for 2 / classes, which moves a sure answer by an
            L1 distance of 1, its halves down to a 32nd, its doubles, and 1.9. Defaults to `None`.

    Returns:
        A `StrengthChoice`: `beta` and `gamma`, `layer()`, the frontier as `rows`; `print` shows it
        as a table, and `plot(path)` draws it.

    Raises:
        ValueError: If no limit is given, if no combination is inside the limits, or if a row is not
            a distribution.

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
    """Measures the costs of strengths on the given rows."""

    def __init__(self, probabilities: np.ndarray, labels: np.ndarray | None,
                 limits: Mapping[str, float]):
        batch = max(1, _BATCH_ENTRIES // probabilities.shape[1])
        starts = range(0, len(probabilities), batch)
        p = probabilities.astype("float64")
        with np.errstate(divide="ignore"):
            log_p = np.log(p / p.sum(axis=1, keepdims=True))
        self._batches = [(probabilities[i:i + batch], log_p[i:i + batch],
                          None if labels is None else labels[i:i + batch]) for i in starts]
        self._limits = limits
        self.clean_ece = self._measure(lambda clean: clean)["ece"]

    def at(self, beta: float, gamma: float) -> StrengthRow:
        """Returns the `StrengthRow` of a strength."""
        costs = self._measure(
            lambda clean: np.asarray(reverse_sigmoid(clean, beta, gamma, dtype="float32")))
        inside = all(costs[name] <= limit for name, limit in self._limits.items())
        return StrengthRow(beta, gamma, **costs, inside_limits=inside)

    def is_at_a_limit(self, row: StrengthRow) -> bool:
        """Whether a row inside the limits is close to one of them."""
        return any(getattr(row, name) >= _CLOSE * limit for name, limit in self._limits.items())

    def _measure(self, defend: Callable[[np.ndarray], np.ndarray]) -> dict[str, Any]:
        calibration = metrics.ExpectedCalibrationError()
        distortions = []
        for clean, log_p, labels in self._batches:
            defended = defend(clean)
            distortions.append(metrics.distortion(log_p, defended))
            if labels is not None:
                calibration.update_state(labels, defended)

        def mean(name: str) -> float:
            return float(np.concatenate([getattr(one, name) for one in distortions]).mean())

        return {
            "l1": mean("l1"),
            "kl_nats": mean("kl_clean_defended_nats"),
            "top1_confidence_shift": mean("top1_confidence_shift"),
            "ece": None if labels is None else float(calibration.result()),
            "label_changes": int(sum(one.label_changed.sum() for one in distortions)),
        }


def _refine(costs: _Costs, grid: Sequence[StrengthRow]) -> list[StrengthRow]:
    """Bisects between the last strength of a grid of betas that is inside the limits and the next.

    Returns:
        The strongest refined row inside the limits; none if there is none.
    """
    last = max((i for i, row in enumerate(grid) if row.inside_limits), default=len(grid) - 1)
    if last == len(grid) - 1:
        return []
    inside, outside = grid[last], grid[last + 1]
    found: list[StrengthRow] = []
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


def _round(x: float) -> float:
    """`x` to a number of digits that is easy to read and paste."""
    return float(f"{x:.{_DIGITS}g}")


def _betas(classes: int) -> tuple[float, ...]:
    """2 / classes, times powers of 2."""
    powers = (_round(2.0 / classes * 2.0**power) for power in itertools.count(-5))
    return (*itertools.takewhile(lambda beta: beta < 0.9 * _HIGHEST_BETA, powers), _HIGHEST_BETA)


def _nothing_inside(rows: Sequence[StrengthRow], limits: Mapping[str, float]) -> str:
    """An error message that names the limit that the closest strength exceeds."""
    ratios = [(max((getattr(row, name) / limit, name)
                   for name, limit in limits.items()), i)
              for i, row in enumerate(rows)]
    (_, name), closest = min(ratios)
    row = rows[closest]
    return (f"No combination of `betas` and `gammas` is inside `max_{name}`={limits[name]:g}. The "
            f"closest has {name}={getattr(row, name):.6g}, with beta={row.beta:g} and "
            f"gamma={row.gamma:g}. Allow more, or try smaller `betas`.")
