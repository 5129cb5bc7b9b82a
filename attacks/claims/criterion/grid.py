"""One run of a claim: a flagfile."""

import dataclasses
import functools
import pathlib

from attacks import flags
from attacks.grid.cell import Cell
from attacks.grid.config import RunConfig

_ROOT = pathlib.Path(__file__).parents[3]


@dataclasses.dataclass(frozen=True)
class Grid:
    """A run.

    Attributes:
        name: The name of the directory of its results.
        cpu_seconds: The processor time planned for a cell, with its share of the victims and of the
            choice of recipes, as one timed cell of its kind took.
        full: The flags by which the command for a GPU goes beyond this run.
        base: The name of its flagfile, without the ending, if it is not that of the directory.
        changes: The flags in which it differs from this flagfile.
        is_general: Whether the run also serves other purposes than claims: its flagfile and its
            results are then in the folder above those of claims.
    """
    name: str
    cpu_seconds: float
    full: tuple[str, ...] = ()
    base: str = ""
    changes: tuple[str, ...] = ()
    is_general: bool = False

    @property
    def flagfile(self) -> str:
        """The path of the flagfile from the root of the checkout."""
        folder = "attacks/configs" if self.is_general else "attacks/configs/paper"
        return f"{folder}/{self.base or self.name}.flags"

    def directory(self, base: pathlib.Path) -> pathlib.Path:
        """Where the results are.

        Args:
            base: The directory of the results of claims.
        """
        return (base.parent if self.is_general else base) / self.name

    def run(self, base: pathlib.Path, *options: str) -> RunConfig:
        """The run, with further flags after those of the flagfile."""
        return flags.parse(f"--flagfile={_ROOT / self.flagfile}", *self.changes, *options,
                           f"--output_dir={self.directory(base)}")

    @functools.cache
    def cells(self) -> dict[str, Cell]:
        """The cells whose attack, adversary and defence fit together, by their ids."""
        cells: dict[tuple, list[Cell]] = {}
        for cell in self.run(pathlib.Path()).experiment.cells():
            cells.setdefault((cell.defence, cell.attack, cell.adversary), []).append(cell)
        fit = [group for group in cells.values() if not group[0].unfit()]
        return {cell.id: cell for group in fit for cell in group}

    def full_command(self) -> str:
        """The command for a GPU."""
        return " ".join([
            "python -m attacks.run", f"--flagfile={self.flagfile}",
            f"--output_dir=runs/full/{self.name}", *self.changes, *self.full,
            "--precision=auto --jit"
        ])

    def planned_hours(self) -> float:
        """The planned wall time on two cores."""
        return len(self.cells()) * self.cpu_seconds / 2 / 3600
