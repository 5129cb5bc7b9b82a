"""The verdict on a claim, from the results that are there."""

from collections.abc import Callable, Mapping
import dataclasses
import functools
import pathlib

from attacks.claims.criterion.claim import Claim
from attacks.claims.criterion.claim import Trial
from attacks.claims.criterion.finding import Finding
from attacks.claims.criterion.finding import PARTLY
from attacks.claims.criterion.finding import UNDECIDED
from attacks.claims.criterion.finding import verdict_of
from attacks.claims.criterion.grid import Grid
from attacks.report.rows.summary import summary_rows
from attacks.report.statistics.per_row import PerRow
from attacks.report.verdict.verdict import Evidence
from attacks.results.records import read_cells

# Number of missing cells that a sentence names; it counts the others.
_NAMED = 3


@dataclasses.dataclass(frozen=True)
class Assessment:
    """What is known of a claim.

    Attributes:
        verdict: Of `attacks.claims.criterion.finding`.
        findings: The findings from the complete grids. They make the verdict once all are
            complete; see `Trial.by_run` for the exception.
        grids: The results, by the name of the grid.
        quick: What its quick trial tells, where that is known too.
    """
    verdict: str
    findings: tuple[Finding, ...]
    grids: Mapping[str, Evidence]
    quick: "Assessment | None" = None

    def judged(self) -> list[Finding]:
        """The findings that decide the claim."""
        return [finding for finding in self.findings if finding.condition]

    def beside(self) -> list[Finding]:
        """The findings that decide nothing."""
        return [finding for finding in self.findings if not finding.condition]

    def complete(self) -> dict[str, Evidence]:
        """The grids that lack no cell."""
        return {name: grid for name, grid in self.grids.items() if not grid.missing}

    def missing(self) -> str:
        """Which runs have no cell yet, and a line for each run that lacks some of its cells."""
        lines, absent = [], []
        for name, grid in self.grids.items():
            if not grid.rows:
                absent.append(f"{name} ({len(grid.missing)} cells)")
            elif grid.missing:
                more = len(grid.missing) - _NAMED
                named = "; ".join(grid.missing[:_NAMED]) + f"; and {more} more" * (more > 0)
                lines.append(f"- {name}: {len(grid.missing)} of "
                             f"{len(grid.missing) + len(grid.rows)} cells are missing: {named}.")
        if absent:
            lines.append(f"- Not run yet: {', '.join(absent)}.")
        return "\n".join(lines)


def assess(trial: Trial,
           base: pathlib.Path,
           read: Callable[[Grid, pathlib.Path], Evidence] | None = None) -> Assessment:
    """Judges the results below a directory.

    While cells are missing, the verdict is "undecided", or "partly" if no later run can change
    that; see `Trial.by_run`.

    Args:
        trial: The runs and the criterion.
        base: The directory that holds the directories of the grids.
        read: Reads the results of a grid below a directory. Defaults to `evidence`.
    """
    grids = {grid.name: (read or evidence)(grid, base) for grid in trial.grids}
    complete = {name: grid for name, grid in grids.items() if not grid.missing}
    findings = tuple(trial.judge(complete)) if complete else ()
    verdict = verdict_of(findings)
    if len(complete) < len(grids) and not (trial.by_run and verdict == PARTLY):
        verdict = UNDECIDED
    return Assessment(verdict, findings, grids)


def assess_all(claims: Mapping[int, Claim], base: pathlib.Path) -> dict[int, Assessment]:
    """Judges the results of all claims and of their quick trials, by number.

    The results of a run that several claims share are read once.
    """
    read = functools.cache(evidence)
    return {
        number:
            dataclasses.replace(assess(claim.trial, base, read),
                                quick=assess(claim.quick, base, read))
        for number, claim in claims.items()
    }


def evidence(grid: Grid, base: pathlib.Path) -> Evidence:
    """The results of a grid, and the cells that it lacks; results of other cells are left out."""
    cells = grid.cells()
    records = [each for each in read_cells(grid.directory(base)) if each["id"] in cells]
    done = {record["id"] for record in records}
    return Evidence(summary_rows(records), PerRow(records),
                    tuple(str(cell) for key, cell in cells.items() if key not in done))
