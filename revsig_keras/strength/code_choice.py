"""The chosen bits of a coded defence, and the costs of all others."""
from collections.abc import Mapping
import dataclasses
import json
import os
import pathlib
from typing import Any

from revsig_keras.defences.catalogue import DEFENCES
from revsig_keras.defences.coded.base import CodedDefence
from revsig_keras.extras import require
from revsig_keras.registry import member_of
from revsig_keras.registry import parse_member
from revsig_keras.strength.choice import Choice
from revsig_keras.strength.choice import number
from revsig_keras.strength.choice import written
from revsig_keras.strength.code_row import CodeRow
from revsig_keras.strength.utility import Utility

_UTILITY = ("auroc", "ece", "brier")


@dataclasses.dataclass(frozen=True)
class CodeChoice(Choice):
    """The bits that `choose_strength` chose for a coded defence, and what each number costs.

    `print(choice)` shows all of it as a table.

    Attributes:
        row: The chosen bits, a `CodeRow`.
        rows: All numbers of bits that the rows can be fitted with.
        limits: The limits, by the names of the costs.
        clean: What the answers are worth without any defence, `None` without labels.
        num_rows: Number of rows that the costs were measured on.
        num_classes: Number of classes.
        fitted_rows: Number of rows that edges and confidences were fitted to: all others.
        defence: The textual form of the defence, without bits and state.
        state: The state of the chosen layer; see `CodedDefence.adapt`.
    """
    row: CodeRow
    rows: tuple[CodeRow, ...]
    fitted_rows: int
    defence: str
    state: Mapping[str, Any]

    @property
    def bits(self) -> int:
        """The chosen bits."""
        return self.row.bits

    @property
    def code(self) -> str:
        return self._line(dict(self.state))

    def code_with(self, path: str | os.PathLike[str]) -> str:
        """Returns the line of code that makes the layer from the state in a file."""
        return self._line(os.fspath(path))

    def member(self, path: str | os.PathLike[str] = "FILE.json") -> str:
        """Returns the textual form of the defence, as for `make_defence` and `--defence=`.

        Args:
            path: The file that `write_state` has written. Defaults to `'FILE.json'`.

        Raises:
            ValueError: If the textual form cannot hold the path.
        """
        options = {**parse_member(self.defence).options, **self.head, "state": os.fspath(path)}
        text = str(member_of(parse_member(self.defence).name, options))
        try:
            parse_member(text)
        except ValueError as error:
            raise ValueError("`state` must be a path of letters, digits and _ . + - / ~, so that "
                             f"it can be part of a text. Received: {path}") from error
        return text

    def write_state(self, path: str | os.PathLike[str]) -> None:
        """Writes the state as JSON, which the defence's option `state` reads."""
        text = json.dumps(dict(self.state), indent=2, allow_nan=False)
        pathlib.Path(path).write_text(text + "\n", "utf-8")

    def layer(self, **kwargs: Any) -> CodedDefence:
        """Returns the fitted layer; `kwargs` are further arguments, such as `multi_label`."""
        kind, options = self._kind_and_options()
        return kind(**{**options, "state": dict(self.state), **kwargs})

    def plot(self, path: str | os.PathLike[str]) -> None:
        """Draws the costs over the bits, and writes the figure.

        Args:
            path: The file; its extension is the format, such as `.png` or `.svg`.
        """
        require("plot", "`plot`")
        from revsig_keras.strength.figure import draw_bits  # Loads slowly.

        draw_bits(self.rows, self.row, self.limits, path)

    def about(self) -> str:
        return (f"Means over {self.num_rows} rows of {self.num_classes} classes, with edges and "
                f"confidences fitted to {self.fitted_rows} others.")

    def header(self) -> tuple[str, ...]:
        shown = ("bits", "effective", "bits_per_answer", "l1", "kl_nats")
        if self.clean is None:
            return shown
        return (*shown, *_UTILITY, *(f"decoded_{name}" for name in _UTILITY))

    def cells(self, row: CodeRow) -> tuple[str, ...]:
        return (str(row.bits), f"{row.effective_bits:.3g}", f"{row.bits_per_answer:.3g}",
                number(row.l1), number(row.kl_nats), *_figures(row.given), *_figures(row.decoded))

    def _line(self, state: Any) -> str:
        kind, options = self._kind_and_options()
        return f"revsig_keras.{kind.__name__}({written({**options, 'state': state})})"

    def _kind_and_options(self) -> tuple[type, dict[str, Any]]:
        """Returns the class of the defence and the arguments that its textual form names."""
        layer = DEFENCES.make(self.defence)
        config = layer.get_config()
        options = {key: config[key] for key in parse_member(self.defence).options}
        return type(layer), {**options, **self.head}


def _figures(utility: Utility | None) -> tuple[str, ...]:
    if utility is None:
        return ()
    return number(utility.confidence_auroc), number(utility.ece), number(utility.brier)
