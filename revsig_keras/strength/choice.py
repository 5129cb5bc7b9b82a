"""A chosen defence, and the costs of all others that were tried."""
import abc
import dataclasses
import os
from typing import Any, Mapping, Self, Sequence

from revsig_keras.defences.base import Defence
from revsig_keras.strength.utility import Utility

# Costs that a table shows where they have a limit.
LOSSES = ("auroc_loss", "ece_loss", "brier_loss")
# Options that tell how a layer takes its scores.
HEAD_DEFAULTS = {"from_logits": False, "multi_label": False, "axis": -1}


@dataclasses.dataclass(frozen=True)
class Choice(abc.ABC):
    """What `choose_strength` chose, and what it was chosen from.

    `print(choice)` shows all of it as a table. A subclass says how a row is shown, and how the
    defence is written.

    Attributes:
        row: The chosen one of `rows`.
        rows: All that was measured; each has `inside_limits` and the costs as attributes.
        limits: The limits, by the names of the costs.
        clean: What the answers are worth without any defence, `None` without labels.
        num_rows: Number of rows that the costs were measured on.
        num_classes: Number of classes.
        head: Arguments of the layer that tell how it takes its scores, such as `from_logits`.
    """
    row: Any
    rows: tuple[Any, ...]
    limits: dict[str, float]
    clean: Utility | None
    num_rows: int
    num_classes: int
    head: Mapping[str, Any] = dataclasses.field(default_factory=dict, kw_only=True)

    def with_head(self, head: Mapping[str, Any]) -> Self:
        """Returns the same choice for a layer that takes its scores otherwise."""
        return dataclasses.replace(self, head=dict(head))

    @property
    @abc.abstractmethod
    def code(self) -> str:
        """The line of code that makes the layer."""

    @abc.abstractmethod
    def member(self) -> str:
        """Returns the textual form of the defence, as for `make_defence` and `--defence=`."""

    @abc.abstractmethod
    def layer(self, **kwargs: Any) -> Defence:
        """Returns the chosen layer; `kwargs` are further arguments."""

    @abc.abstractmethod
    def plot(self, path: str | os.PathLike[str]) -> None:
        """Draws the costs of all that was measured, and writes the figure.

        Args:
            path: The file; its extension is the format, such as `.png` or `.svg`.
        """

    @abc.abstractmethod
    def about(self) -> str:
        """Returns a sentence on the rows that the costs were measured on."""

    @abc.abstractmethod
    def header(self) -> tuple[str, ...]:
        """Returns the titles of the table's columns."""

    @abc.abstractmethod
    def cells(self, row: Any) -> tuple[str, ...]:
        """Returns a row of the table."""

    def as_dict(self) -> dict[str, Any]:
        """Everything as dicts, lists and numbers, for JSON."""
        values = dataclasses.asdict(self)
        return values if self.head else {k: v for k, v in values.items() if k != "head"}

    def __str__(self) -> str:
        limits = ", ".join(f"{name} <= {limit:g}" for name, limit in self.limits.items())
        title = f"{self.about()} Limits: {limits}. '-': outside, '*': chosen."
        if self.clean is not None:
            title += f" Without a defence: {self.clean}."
        table = [(*self.header(), "")]
        table += [(*self.cells(row), self._mark(row)) for row in self.rows]
        return "\n".join([title, "", *_aligned(table)])

    def _mark(self, row: Any) -> str:
        if row == self.row:
            return "*"
        return "" if row.inside_limits else "-"


def written(options: Mapping[str, Any]) -> str:
    """Returns arguments as a line of Python has them."""
    return ", ".join(f"{key}={value!r}" for key, value in options.items())


def number(value: float | None) -> str:
    """Returns a figure as a cell of the table; empty where there is none."""
    return "" if value is None else f"{value:.4f}"


def _aligned(table: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*table)]
    return [
        "  ".join(cell.rjust(width) for cell, width in zip(line, widths)).rstrip() for line in table
    ]
