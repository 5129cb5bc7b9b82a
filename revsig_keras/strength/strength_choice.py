"""The chosen strength of the Reverse Sigmoid, and the costs of all others."""
import dataclasses
import os
from typing import Any

from revsig_keras.defences.reverse_sigmoid import ReverseSigmoid
from revsig_keras.extras import require
from revsig_keras.registry import member_of
from revsig_keras.strength.choice import Choice
from revsig_keras.strength.choice import LOSSES
from revsig_keras.strength.choice import number
from revsig_keras.strength.choice import written
from revsig_keras.strength.strength_row import StrengthRow


@dataclasses.dataclass(frozen=True)
class StrengthChoice(Choice):
    """The strength that `choose_strength` chose, and the frontier it was chosen from.

    `print(choice)` shows all of it as a table.

    Attributes:
        row: The chosen strength, a `StrengthRow`.
        rows: All measured strengths, by gamma and then beta: the grid, and the refined beta of each
            gamma.
        limits: The limits, by the names of the costs.
        clean: What the answers are worth without any defence, `None` without labels.
        num_rows: Number of rows of probabilities.
        num_classes: Number of classes.
    """
    row: StrengthRow
    rows: tuple[StrengthRow, ...]

    @property
    def beta(self) -> float:
        """The chosen beta."""
        return self.row.beta

    @property
    def gamma(self) -> float:
        """The chosen gamma."""
        return self.row.gamma

    @property
    def clean_ece(self) -> float | None:
        """Expected calibration error without any defence, `None` without labels."""
        return None if self.clean is None else self.clean.ece

    @property
    def code(self) -> str:
        return f"revsig_keras.ReverseSigmoid({written(self._options())})"

    def member(self) -> str:
        return str(member_of("reverse_sigmoid", self._options()))

    def layer(self, **kwargs: Any) -> ReverseSigmoid:
        """Returns the `ReverseSigmoid` of the chosen strength; `kwargs` are further arguments."""
        return ReverseSigmoid(**{**self._options(), **kwargs})

    def _options(self) -> dict[str, Any]:
        return {"beta": self.beta, "gamma": self.gamma, **self.head}

    def as_dict(self) -> dict[str, Any]:
        return {**super().as_dict(), "clean_ece": self.clean_ece}

    def plot(self, path: str | os.PathLike[str]) -> None:
        """Draws KL(clean || defended) over the other costs, and writes the figure.

        Args:
            path: The file; its extension is the format, such as `.png` or `.svg`.
        """
        require("plot", "`plot`")
        from revsig_keras.strength.figure import draw  # Loads slowly.

        draw(self.rows, self.row, self.limits, path)

    def about(self) -> str:
        return f"Means over {self.num_rows} rows of {self.num_classes} classes."

    def header(self) -> tuple[str, ...]:
        return ("gamma", "beta", "kl_nats", "l1", "top1_shift", "ece", "label_changes",
                *self._shown_losses())

    def cells(self, row: StrengthRow) -> tuple[str, ...]:
        losses = (getattr(row, name) for name in self._shown_losses())
        return (f"{row.gamma:g}", f"{row.beta:.4g}", f"{row.kl_nats:.4f}",
                f"{row.l1:.4f}", f"{row.top1_confidence_shift:+.4f}", number(row.ece),
                str(row.label_changes), *map(number, losses))

    def _shown_losses(self) -> list[str]:
        return [name for name in LOSSES if name in self.limits]
