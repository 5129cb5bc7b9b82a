"""Searches the strengths of the Reverse Sigmoid: a grid, and its refinement."""
from collections.abc import Callable, Sequence
import dataclasses
import itertools
import math
from typing import Any

from revsig_keras.strength.costs import clean_utility
from revsig_keras.strength.costs import Costs
from revsig_keras.strength.costs import measure
from revsig_keras.strength.costs import OwnerRows
from revsig_keras.strength.limits import Limits
from revsig_keras.strength.progress import progress
from revsig_keras.strength.reverse_sigmoids import reverse_sigmoids
from revsig_keras.strength.strength_choice import StrengthChoice
from revsig_keras.strength.strength_row import StrengthRow
from revsig_keras.strength.utility import Utility

GAMMAS = (0.05, 0.1, 0.2, 0.4, 0.8)
_HIGHEST_BETA = 1.9
# Refinement of beta ends this close to a limit, or when neighbours agree in this many digits.
_CLOSE = 0.995
_DIGITS = 4


def choose(rows: OwnerRows, limits: Limits, betas: Sequence[float],
           gammas: Sequence[float]) -> StrengthChoice:
    """Returns the strength inside the limits that misleads most; see `choose_strength`.

    Raises:
        ValueError: If no strength is inside the limits.
    """
    clean = clean_utility(rows)
    limits.check_utility(clean)
    measured: list[StrengthRow] = []
    with progress("Measuring strengths", len(rows) * len(gammas)) as advance:
        for gamma in gammas:
            strengths = _Strengths(rows, limits, gamma, clean)
            grid = strengths.measure(betas, advance)
            refined = strengths.refine(grid)
            measured += sorted(grid + refined, key=lambda row: row.beta)
    inside = [row for row in measured if row.inside_limits]
    if not inside:
        row, reason = limits.nothing_inside(measured)
        raise ValueError(f"No combination of `betas` and `gammas` {reason}, with "
                         f"beta={row.beta:g} and gamma={row.gamma:g}. Allow more, or try smaller "
                         "`betas`.")
    return StrengthChoice(row=max(inside, key=lambda row: row.kl_nats),
                          rows=tuple(measured),
                          limits=limits.given,
                          clean=clean,
                          num_rows=len(rows),
                          num_classes=rows.classes)


def default_betas(classes: int) -> tuple[float, ...]:
    """Returns 2 / classes, times powers of 2."""
    powers = (_round(2.0 / classes * 2.0**power) for power in itertools.count(-5))
    return (*itertools.takewhile(lambda beta: beta < 0.9 * _HIGHEST_BETA, powers), _HIGHEST_BETA)


@dataclasses.dataclass(frozen=True)
class _Strengths:
    """Measures strengths of one gamma."""
    rows: OwnerRows
    limits: Limits
    gamma: float
    clean: Utility | None

    def measure(self,
                betas: Sequence[float],
                advance: Callable[[int], None] = lambda rows: None) -> list[StrengthRow]:
        """Returns the rows of strengths, measured in one pass."""
        costs = measure(self.rows, lambda clean: reverse_sigmoids(clean, betas, self.gamma),
                        len(betas), advance)
        return [self._row(beta, each) for beta, each in zip(betas, costs)]

    def _row(self, beta: float, costs: Costs) -> StrengthRow:
        values: dict[str, Any] = {
            "l1": costs.l1,
            "kl_nats": costs.kl_nats,
            "top1_confidence_shift": costs.top1_confidence_shift,
            "label_changes": costs.label_changes,
            "ece": None,
        }
        if costs.utility is not None and self.clean is not None:
            values |= {"ece": costs.utility.ece, **costs.utility.losses(self.clean)}
        return StrengthRow(beta, self.gamma, inside_limits=self.limits.are_met(values), **values)

    def refine(self, grid: Sequence[StrengthRow]) -> list[StrengthRow]:
        """Searches between the last of a grid of betas that is inside the limits and the next.

        Returns:
            The strongest refined row inside the limits; none if there is none.
        """
        last = max((i for i, row in enumerate(grid) if row.inside_limits), default=len(grid) - 1)
        if last == len(grid) - 1:
            return []
        inside, outside = grid[last], grid[last + 1]
        found: list[StrengthRow] = []
        steps = 0
        while self.limits.ratio(inside) < _CLOSE:
            middle = beta = _round((inside.beta + outside.beta) / 2)
            if steps % 3 < 2:  # Halving ends the search where costs are far from powers of beta.
                beta = _round(self._crossing(inside, outside))
            beta = beta if inside.beta < beta < outside.beta else middle
            if not inside.beta < beta < outside.beta:
                break
            row, = self.measure([beta])
            if row.inside_limits:
                inside = row
                found = [row]
            else:
                outside = row
            steps += 1
        return found

    def _crossing(self, inside: StrengthRow, outside: StrengthRow) -> float:
        """Returns the beta at which a power of it that passes through both rows meets the limit."""
        low, high = self.limits.ratio(inside), self.limits.ratio(outside)
        if low <= 0.0 or not low < high < math.inf:
            return (inside.beta + outside.beta) / 2
        part = math.log((1 + _CLOSE) / 2 / low) / math.log(high / low)
        return inside.beta * (outside.beta / inside.beta)**part


def _round(x: float) -> float:
    """`x` to a number of digits that is easy to read and paste."""
    return float(f"{x:.{_DIGITS}g}")
