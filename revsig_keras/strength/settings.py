"""Searches the settings of a defence with a single parameter, or none."""
from collections.abc import Sequence
import dataclasses
import math
from typing import Any

from keras import ops
import numpy as np

from revsig_keras.defences.base import Defence
from revsig_keras.defences.label_only import LabelOnly
from revsig_keras.defences.random_noise import RandomNoise
from revsig_keras.defences.rounding import Rounding
from revsig_keras.defences.top_k import TopK
from revsig_keras.registry import parse_member
from revsig_keras.strength.costs import clean_utility
from revsig_keras.strength.costs import measure
from revsig_keras.strength.costs import OwnerRows
from revsig_keras.strength.limits import Limits
from revsig_keras.strength.progress import progress
from revsig_keras.strength.setting_choice import SettingChoice
from revsig_keras.strength.setting_row import SettingRow
from revsig_keras.strength.utility import Utility

# Parameters that are chosen, by the defence.
_PARAMETERS: dict[type[Defence], str | None] = {
    Rounding: "decimals",
    TopK: "k",
    RandomNoise: "scale",
    LabelOnly: None,
}
_DECIMALS = range(8)
# Weights of the noise: halves of 1, refined to within 0.5% of a limit or to 4 digits.
_HALVINGS = 8
_CLOSE = 0.995


def is_taken(defence: Defence) -> bool:
    """Whether `choose` knows the parameter of a defence."""
    return type(defence) in _PARAMETERS


def chosen(defence: Defence) -> tuple[str, ...]:
    """The options that are chosen for a defence that `choose` takes."""
    parameter = _PARAMETERS[type(defence)]
    return () if parameter is None else (parameter,)


def choose(rows: OwnerRows, limits: Limits, text: str, plain: Defence) -> SettingChoice:
    """Returns the strongest setting inside the limits; see `choose_strength`.

    Args:
        rows: The owner's rows.
        limits: The limits.
        text: The textual form of the defence.
        plain: The defence that it makes.

    Raises:
        ValueError: If no setting is inside the limits.
    """
    parameter = _PARAMETERS[type(plain)]
    if parameter in parse_member(text).options:
        raise ValueError(f"`defence` must leave out {parameter}, which is chosen. Received: {text}")
    clean = clean_utility(rows)
    limits.check_utility(clean)
    search = _Settings(rows, limits, plain, parameter, clean)
    values = _ladder(parameter, rows.classes)
    measured: list[SettingRow] = []
    with progress("Measuring settings", len(values)) as advance:
        for value in values:
            measured.append(search.measure(value))
            advance(1)
    measured = search.refine(measured)
    inside = [row for row in measured if row.inside_limits]
    if not inside:
        row, reason = limits.nothing_inside(measured)
        at = "" if parameter is None else f", with {parameter}={row.value:g}"
        raise ValueError(f"No setting of {text} {reason}{at}. Allow more")
    return SettingChoice(row=inside[0],
                         rows=tuple(measured),
                         limits=limits.given,
                         clean=clean,
                         num_rows=len(rows),
                         num_classes=rows.classes,
                         defence=text,
                         parameter=parameter)


def _ladder(parameter: str | None, classes: int) -> Sequence[Any]:
    """Values of a parameter, the strongest first."""
    if parameter is None:
        return [None]
    if parameter == "decimals":
        return _DECIMALS
    if parameter == "scale":
        return [2.0**-power for power in range(_HALVINGS + 1)]
    # With `k` the number of classes nothing is hidden.
    most = classes - 1
    return sorted({min(most, 2**power) for power in range(most.bit_length() + 1)})


@dataclasses.dataclass(frozen=True)
class _Settings:
    """Measures settings of one defence."""
    rows: OwnerRows
    limits: Limits
    plain: Defence
    parameter: str | None
    clean: Utility | None

    def measure(self, value: Any) -> SettingRow:
        """Returns the row of a value of the parameter."""
        config = {**self.plain.get_config(), "dtype": "float32"}
        if self.parameter is not None:
            config[self.parameter] = value
        layer = type(self.plain)(**config)

        def answers(batch: np.ndarray) -> np.ndarray:
            return np.array(ops.convert_to_numpy(layer(batch)))[None]

        costs, = measure(self.rows, answers, 1)
        values: dict[str, Any] = {
            "l1": costs.l1,
            "kl_nats": costs.kl_nats,
            "top1_confidence_shift": costs.top1_confidence_shift,
            "label_changes": costs.label_changes,
        }
        if costs.utility is not None and self.clean is not None:
            values |= {"ece": costs.utility.ece, **costs.utility.losses(self.clean)}
        return SettingRow(value, inside_limits=self.limits.are_met(values), **values)

    def refine(self, rows: Sequence[SettingRow]) -> list[SettingRow]:
        """Searches between the strongest value inside the limits and the next stronger one."""
        rows = list(rows)
        first = next((i for i, row in enumerate(rows) if row.inside_limits), 0)
        while first and self.parameter is not None:
            outside, inside = rows[first - 1], rows[first]
            value = self._between(outside.value, inside.value)
            if value is None or self.limits.ratio(inside) >= _CLOSE and self.parameter == "scale":
                break
            rows.insert(first, self.measure(value))
            first += not rows[first].inside_limits
        return rows

    def _between(self, stronger: Any, weaker: Any) -> Any:
        """A value between two of the parameter; `None` where there is none."""
        if self.parameter == "scale":
            middle: float | int = float(f"{math.sqrt(stronger * weaker):.4g}")
        else:
            middle = (stronger + weaker) // 2
        return middle if min(stronger, weaker) < middle < max(stronger, weaker) else None
