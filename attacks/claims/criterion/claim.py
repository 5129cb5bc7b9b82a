"""A claim of the paper: what it says, the runs that show it, and the criterion that decides."""

from collections.abc import Callable, Mapping, Sequence
import dataclasses

from attacks.claims.criterion.figure import RunFigure
from attacks.claims.criterion.finding import Finding
from attacks.claims.criterion.grid import Grid
from attacks.report.verdict.verdict import Evidence

Judge = Callable[[Mapping[str, Evidence]], Sequence[Finding]]


@dataclasses.dataclass(frozen=True)
class Trial:
    """The runs and the criterion that decide a claim.

    Attributes:
        grids: The runs.
        criterion: The criterion in words, as written before the runs.
        judge: The criterion: a pure function of the rows of the complete grids, by name. While
            some are incomplete, it gets the others. The first finding heads the summary, unless
            another one speaks against the claim.
        by_run: Whether each condition is of one run alone, so that later runs change none. Once
            some hold and some fail, the verdict is then "partly", whatever is missing.
    """
    grids: tuple[Grid, ...]
    criterion: str
    judge: Judge
    by_run: bool = False


@dataclasses.dataclass(frozen=True)
class Claim:
    """A claim of arXiv 1806.00054.

    Attributes:
        number: By which `attacks.reproduce` names it.
        title: The claim in a line.
        source: What the paper says, where it says it.
        reported: The paper's figures.
        trial: What decides it.
        quick: What tries it in under five minutes, by a criterion of its own.
        remarks: What was tried, and why figures differ from the paper's; as known by now.
        figure: What is drawn of each run. `None`: its findings are drawn.
    """
    number: int
    title: str
    source: str
    reported: str
    trial: Trial
    quick: Trial
    remarks: str = ""
    figure: RunFigure | None = None
