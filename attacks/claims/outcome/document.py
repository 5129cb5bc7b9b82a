"""Claims and verdicts as Markdown: `RESULTS.md`."""

from collections.abc import Iterable, Sequence
import pathlib

from attacks.claims.criterion.claim import Claim
from attacks.claims.criterion.claim import Trial
from attacks.claims.criterion.grid import Grid
from attacks.claims.outcome.assessment import assess
from attacks.claims.outcome.assessment import Assessment
from attacks.claims.outcome.cost import cost_of
from attacks.report.table import agreement_table

_HEAD = """# The paper, reproduced

The claims that Lee, Edwards, Molloy and Su make of their defence
([arXiv 1806.00054](https://arxiv.org/abs/1806.00054)), and what came out here. Each criterion was
written before the runs. A claim is *reproduced* where all conditions of its criterion hold, *not*
where none does, *partly* where some hold and some do not, and else *undecided*, as while results
are missing. Intervals are 95%, over replicates in which split, victim and thief are drawn anew, and
over test rows.

`python -m attacks.reproduce --claim=N` makes the results of a claim again and judges them;
`--write_results` writes this file, from the cells in [results/paper](results/paper) alone.
"""


def listing(claims: Iterable[Claim]) -> str:
    """A line for each claim."""
    return "\n".join(f"{claim.number:2} {claim.title}" for claim in claims)


def claim_text(claim: Claim, trial: Trial, assessment: Assessment) -> str:
    """A claim, its criterion and what came out."""
    parts = [
        f"**The paper.** {claim.source} Reported: {claim.reported}",
        f"**Criterion.** {trial.criterion}", f"**Here: {assessment.verdict}.**"
    ]
    if missing := assessment.missing():
        parts.append(missing)
    if assessment.findings:
        lines = [(finding.subject, finding.figure(), finding.condition or "-", {
            True: "yes",
            False: "no",
            None: "open" if finding.condition else "-"
        }[finding.holds]) for finding in assessment.findings]
        parts.append(_table(("figure", "value (95% interval)", "condition", "holds"), lines))
    return "\n\n".join(parts)


def document(claims: Iterable[Claim], base: pathlib.Path) -> str:
    """The text of `RESULTS.md`: the summary, the cost, each claim, and the tables of all runs.

    Args:
        claims: The claims.
        base: The directory with the results of their runs.
    """
    claims = list(claims)
    assessments = {claim.number: assess(claim.trial, base) for claim in claims}
    summary = [(str(claim.number), claim.title, claim.reported,
                _headline(assessments[claim.number]), assessments[claim.number].verdict)
               for claim in claims]
    parts = [
        _HEAD,
        _table(("claim", "in short", "the paper", "here", "verdict"), summary),
        "## What the runs cost",
        _costs(claims, base)
    ]
    for claim in claims:
        assessment = assessments[claim.number]
        parts += [
            f"## {claim.number}. {claim.title}",
            claim_text(claim, claim.trial, assessment),
            _commands(claim), claim.remarks
        ]
    parts.append("## Agreement in all runs")
    shown = {
        name: grid for assessment in assessments.values()
        for name, grid in assessment.grids.items()
        if grid.rows
    }
    parts += [
        f"### {name}\n\n```\n{agreement_table(grid.rows)}\n```" for name, grid in shown.items()
    ]
    return "\n\n".join(filter(None, map(str.strip, parts))) + "\n"


def _headline(assessment):
    if assessment.findings:
        first = assessment.findings[0]
        return f"{first.subject}: {first.figure()}"
    grids = assessment.grids.values()
    there = sum(len(grid.rows) for grid in grids)
    return f"{there} of {there + sum(len(grid.missing) for grid in grids)} cells are there"


def _commands(claim):
    full = "\n".join(grid.full_command() for grid in claim.trial.grids)
    command = f"python -m attacks.reproduce --claim={claim.number}"
    return (f"```bash\n{command} --download\n{command} --quick   # under five minutes\n"
            f"# In full, on a GPU:\n{full}\n```")


def _costs(claims, base):
    """A line for each run: what was planned for it, and what it has cost."""
    users: dict[Grid, list[str]] = {}
    for claim in claims:
        for grid in claim.trial.grids:
            users.setdefault(grid, []).append(str(claim.number))
    lines, planned, spent = [], 0.0, 0.0
    for grid, numbers in users.items():
        cost, count = cost_of(grid.directory(base)), len(grid.cells())
        planned, spent = planned + grid.planned_hours(), spent + cost.hours
        lines.append((grid.name, ", ".join(numbers), str(count), f"{grid.cpu_seconds:g}",
                      f"{grid.planned_hours():.2f}", f"{cost.hours:.2f}", f"{cost.cpu_hours:.2f}",
                      ", ".join(cost.commits) or "-"))
    heads = ("run", "claims", "cells", "planned CPU s a cell", "planned hours", "hours",
             "CPU hours", "commit")
    total = ("all", "", "", "", f"{planned:.2f}", f"{spent:.2f}", "", "")
    return (f"{_table(heads, [*lines, total])}\n\nHours are wall time on two cores with nothing "
            "else running.")


def _table(heads: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    rows = [heads, ["---"] * len(heads), *lines]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)
