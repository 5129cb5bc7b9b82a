"""The chosen setting of a defence with a single parameter, and the costs of all others."""
import dataclasses
import math
import os
from typing import Any

from revsig_keras.defences.base import Defence
from revsig_keras.defences.catalogue import DEFENCES
from revsig_keras.extras import require
from revsig_keras.registry import member_of
from revsig_keras.registry import parse_member
from revsig_keras.strength.choice import Choice
from revsig_keras.strength.choice import LOSSES
from revsig_keras.strength.choice import number
from revsig_keras.strength.choice import written
from revsig_keras.strength.setting_row import SettingRow


@dataclasses.dataclass(frozen=True)
class SettingChoice(Choice):
    """The setting that `choose_strength` chose, and what the others cost.

    `print(choice)` shows all of it as a table.

    Attributes:
        row: The chosen setting, a `SettingRow`.
        rows: All measured settings, the strongest first.
        limits: The limits, by the names of the costs.
        clean: What the answers are worth without any defence, `None` without labels.
        num_rows: Number of rows of probabilities.
        num_classes: Number of classes.
        defence: The textual form of the defence, without the parameter.
        parameter: The name of the parameter, `None` for a defence without one.
    """
    row: SettingRow
    rows: tuple[SettingRow, ...]
    defence: str
    parameter: str | None

    @property
    def code(self) -> str:
        kind, options = self._kind_and_options()
        return f"revsig_keras.{kind.__name__}({written(options)})"

    def member(self) -> str:
        given = parse_member(self.defence)
        chosen = {} if self.parameter is None else {self.parameter: self.row.value}
        return str(member_of(given.name, {**given.options, **chosen, **self.head}))

    def layer(self, **kwargs: Any) -> Defence:
        """Returns the chosen layer; `kwargs` are further arguments."""
        kind, options = self._kind_and_options()
        return kind(**{**options, **kwargs})

    def as_dict(self) -> dict[str, Any]:
        # JSON has no infinity.
        return _finite(super().as_dict())

    def plot(self, path: str | os.PathLike[str]) -> None:
        """Draws the costs over the settings, and writes the figure.

        Args:
            path: The file; its extension is the format, such as `.png` or `.svg`.
        """
        require("plot", "`plot`")
        from revsig_keras.strength.figure import draw_settings  # Loads slowly.

        draw_settings(self.rows, self.row, self.parameter or "setting", self.limits, path)

    def about(self) -> str:
        return f"Means over {self.num_rows} rows of {self.num_classes} classes."

    def header(self) -> tuple[str, ...]:
        return (self.parameter or "setting", "kl_nats", "l1", "top1_shift", "ece", "label_changes",
                *self._shown_losses())

    def cells(self, row: SettingRow) -> tuple[str, ...]:
        losses = (getattr(row, name) for name in self._shown_losses())
        return ("only" if row.value is None else f"{row.value:g}", number(row.kl_nats),
                number(row.l1), f"{row.top1_confidence_shift:+.4f}", number(row.ece),
                str(row.label_changes), *map(number, losses))

    def _shown_losses(self) -> list[str]:
        return [name for name in LOSSES if name in self.limits]

    def _kind_and_options(self) -> tuple[type, dict[str, Any]]:
        """Returns the class of the defence and its arguments."""
        layer = DEFENCES.make(self.member())
        config = layer.get_config()
        return type(layer), {key: config[key] for key in parse_member(self.member()).options}


def _finite(value: Any) -> Any:
    """Numbers that are not finite become `None`."""
    if isinstance(value, dict):
        return {key: _finite(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
