"""The chosen strength, and the costs of all others."""
import dataclasses
import pathlib
from typing import Any

from revsig_keras.defences.reverse_sigmoid import ReverseSigmoid
from revsig_keras.extras import require
from revsig_keras.strength.row import StrengthRow


@dataclasses.dataclass(frozen=True)
class StrengthChoice:
    """The strength that `choose_strength` chose, and the frontier it was chosen from.

    `print(choice)` shows all of it as a table.

    Attributes:
        row: The chosen strength.
        rows: All measured strengths, by gamma and then beta: the grid, and the refined beta of each
            gamma.
        limits: The limits, by the names of the costs.
        clean_ece: Expected calibration error without any defence, `None` without labels.
        num_rows: Number of rows of probabilities.
        num_classes: Number of classes.
    """
    row: StrengthRow
    rows: tuple[StrengthRow, ...]
    limits: dict[str, float]
    clean_ece: float | None
    num_rows: int
    num_classes: int

    @property
    def beta(self) -> float:
        """The chosen beta."""
        return self.row.beta

    @property
    def gamma(self) -> float:
        """The chosen gamma."""
        return self.row.gamma

    @property
    def code(self) -> str:
        """The line of code that makes the layer."""
        return f"revsig_keras.ReverseSigmoid(beta={self.beta!r}, gamma={self.gamma!r})"

    def layer(self, **kwargs: Any) -> ReverseSigmoid:
        """Returns the `ReverseSigmoid` of the chosen strength; `kwargs` are further arguments."""
        return ReverseSigmoid(beta=self.beta, gamma=self.gamma, **kwargs)

    def as_dict(self) -> dict[str, Any]:
        """Everything as dicts, lists and numbers, for JSON."""
        return dataclasses.asdict(self)

    def plot(self, path: str | pathlib.Path) -> None:
        """Draws KL(clean || defended) over the other costs, and writes the figure.

        Args:
            path: The file; its extension is the format, such as `.png` or `.svg`.
        """
        require("plot", "`plot`")
        from revsig_keras.strength.figure import draw  # Loads slowly.

        draw(self.rows, self.row, self.limits, path)

    def __str__(self) -> str:
        limits = ", ".join(f"{name} <= {limit:g}" for name, limit in self.limits.items())
        title = (f"Means over {self.num_rows} rows of {self.num_classes} classes. Limits: {limits}."
                 " '-': outside, '*': chosen.")
        if self.clean_ece is not None:
            title += f" ECE without a defence: {self.clean_ece:.4f}."
        table = [("gamma", "beta", "kl_nats", "l1", "top1_shift", "ece", "label_changes", "")]
        table += [(f"{row.gamma:g}", f"{row.beta:.4g}", f"{row.kl_nats:.4f}", f"{row.l1:.4f}",
                   f"{row.top1_confidence_shift:+.4f}", "" if row.ece is None else f"{row.ece:.4f}",
                   str(row.label_changes), self._mark(row)) for row in self.rows]
        widths = [max(map(len, column)) for column in zip(*table)]
        lines = ("  ".join(cell.rjust(width)
                           for cell, width in zip(line, widths)).rstrip()
                 for line in table)
        return "\n".join([title, "", *lines])

    def _mark(self, row: StrengthRow) -> str:
        if row == self.row:
            return "*"
        return "" if row.inside_limits else "-"
