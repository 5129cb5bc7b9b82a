"""The verdict on a claim, from the results that are there."""

from collections.abc import Mapping
import dataclasses
import pathlib

from attacks.claims.criterion.claim import Trial
from attacks.claims.criterion.finding import Finding
from attacks.claims.criterion.finding import UNDECIDED
from attacks.claims.criterion.finding import verdict_of
from attacks.claims.criterion.grid import Grid
from attacks.report.rows.summary import summary_rows
from attacks.report.statistics.per_row import PerRow
from attacks.report.verdict.verdict import Evidence
from attacks.results.records import read_cells

# Missing cells that a sentence names; of the others it gives the number.
_NAMED = 3


@dataclasses.dataclass(frozen=True)
class Assessment:
    """What is known of a claim.

    Attributes:
        verdict: Of `attacks.claims.criterion.finding`.
        findings: The findings, none while cells are missing.
        grids: The results, by the name of the grid.
    """
    verdict: str
    findings: tuple[Finding, ...]
    grids: Mapping[str, Evidence]

    def missing(self) -> str:
        """Which cells are missing, a line for each grid that lacks some."""
        lines = []
        for name, grid in self.grids.items():
            if grid.missing:
                more = len(grid.missing) - _NAMED
                named = "; ".join(grid.missing[:_NAMED]) + f"; and {more} more" * (more > 0)
                lines.append(f"- {name}: {len(grid.missing)} of "
                             f"{len(grid.missing) + len(grid.rows)} cells are missing: {named}.")
        return "\n".join(lines)


def assess(trial: Trial, base: pathlib.Path) -> Assessment:
    """Judges the results below a directory; as long as a cell is missing, they decide nothing.

    Args:
        trial: The runs and the criterion.
        base: The directory that holds the directories of the grids.
    """
    grids = {grid.name: evidence(grid, base) for grid in trial.grids}
    if any(grid.missing for grid in grids.values()):
        return Assessment(UNDECIDED, (), grids)
    findings = tuple(trial.judge(grids))
    return Assessment(verdict_of(findings), findings, grids)


def evidence(grid: Grid, base: pathlib.Path) -> Evidence:
    """The results of a grid, and the cells that it lacks; results of other cells are left out."""
    cells = grid.cells()
    records = [each for each in read_cells(grid.directory(base)) if each["id"] in cells]
    done = {record["id"] for record in records}
    return Evidence(summary_rows(records), PerRow(records),
                    tuple(str(cell) for key, cell in cells.items() if key not in done))
