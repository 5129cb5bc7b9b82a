"""Claims and verdicts as Markdown: `RESULTS.md`."""

from collections.abc import Iterable, Mapping, Sequence
import pathlib

from attacks.claims.criterion.claim import Claim
from attacks.claims.criterion.claim import Trial
from attacks.claims.criterion.finding import Finding
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
`--write_results` writes this file, from the cells in [results/paper](results/paper) alone."""
_COST = """Hours are wall time on two cores with nothing else running, without the training of
victims. Runs are done in this order, which is that of importance; claims share some."""
_HOLDS = {True: "yes", False: "no", None: "open"}


def listing(claims: Iterable[Claim]) -> str:
    """A line for each claim."""
    return "\n".join(f"{claim.number:2} {claim.title}" for claim in claims)


def claim_text(claim: Claim, trial: Trial, assessment: Assessment) -> str:
    """A claim, its criterion and what came out."""
    judged = [finding for finding in assessment.findings if finding.condition]
    beside = [finding for finding in assessment.findings if not finding.condition]
    parts = [
        f"**The paper.** {claim.source} Reported: {claim.reported}",
        f"**Criterion.** {trial.criterion}", f"**Here: {assessment.verdict}.**",
        assessment.missing(),
        _findings(judged),
        _folded(f"{len(beside)} figures beside it", _findings(beside)) if beside else ""
    ]
    return "\n\n".join(filter(None, parts))


def document(claims: Mapping[int, Claim], order: Sequence[int], base: pathlib.Path) -> str:
    """The text of `RESULTS.md`: the summary, the cost, each claim, and the tables of all runs.

    Args:
        claims: The claims, by number.
        order: The numbers in the order in which hours are spent on claims.
        base: The directory with the results of their runs.
    """
    assessments = {number: assess(claim.trial, base) for number, claim in claims.items()}
    runs = _users([claims[number] for number in order])
    parts = [_HEAD, _summary(claims, assessments), "## What the runs cost", _costs(runs, base)]
    for number, claim in claims.items():
        parts += [
            f"## {number}. {claim.title}",
            claim_text(claim, claim.trial, assessments[number]), claim.remarks,
            _commands(claim)
        ]
    grids = {name: grid for each in assessments.values() for name, grid in each.grids.items()}
    tables = [
        _folded(name, f"```\n{agreement_table(grids[name].rows)}\n```")
        for name in (grid.name for grid in runs)
        if grids[name].rows
    ]
    parts += ["## Agreement in all runs", *tables] if tables else []
    return "\n\n".join(filter(None, parts)) + "\n"


def _summary(claims, assessments):
    lines = [(f"[{number}](#{_anchor(claim)})", claim.title, claim.reported,
              _headline(assessments[number]), assessments[number].verdict)
             for number, claim in claims.items()]
    return _table(("claim", "in short", "the paper", "here", "verdict"), lines)


def _anchor(claim):
    """The anchor that Markdown gives to the heading of a claim."""
    words = f"{claim.number}. {claim.title}".lower().replace(" ", "-")
    return "".join(letter for letter in words if letter.isalnum() or letter in "-_")


def _headline(assessment):
    """The first finding, or how much is still missing."""
    if assessment.findings:
        first = assessment.findings[0]
        return f"{first.subject}: {first.figure()}"
    grids = assessment.grids.values()
    there = sum(len(grid.rows) for grid in grids)
    return f"{there} of {there + sum(len(grid.missing) for grid in grids)} cells are there"


def _findings(findings: Sequence[Finding]) -> str:
    if not findings:
        return ""
    if not findings[0].condition:
        return _table(("figure", "value (95% interval)"),
                      [(finding.subject, finding.figure()) for finding in findings])
    lines = [(finding.subject, finding.figure(), finding.condition, _HOLDS[finding.holds])
             for finding in findings]
    return _table(("figure", "value (95% interval)", "condition", "holds"), lines)


def _commands(claim):
    command = f"python -m attacks.reproduce --claim={claim.number}"
    full = "\n".join(grid.full_command() for grid in claim.trial.grids)
    own = f"```bash\n{command} --download\n{command} --quick   # under five minutes\n```"
    return f"{own}\n\n{_folded('In full, on a GPU', f'```bash{chr(10)}{full}{chr(10)}```')}"


def _users(claims):
    """The runs in their order, with the numbers of the claims that they are for."""
    users: dict[Grid, list[str]] = {}
    for claim in claims:
        for grid in claim.trial.grids:
            users.setdefault(grid, []).append(str(claim.number))
    return users


def _costs(runs, base):
    """A line for each run: what was planned for it, and what it has cost."""
    lines, planned, spent = [], 0.0, 0.0
    for grid, numbers in runs.items():
        cost, count = cost_of(grid.directory(base)), len(grid.cells())
        planned, spent = planned + grid.planned_hours(), spent + cost.hours
        lines.append((grid.name, ", ".join(numbers), str(count), f"{grid.cpu_seconds:g}",
                      f"{grid.planned_hours():.2f}", f"{planned:.2f}", f"{cost.hours:.2f}",
                      f"{cost.cpu_hours:.2f}", ", ".join(cost.commits) or "-"))
    heads = ("run", "claims", "cells", "planned CPU seconds a cell", "planned hours",
             "and all before", "hours", "CPU hours", "commit")
    total = ("all", "", "", "", f"{planned:.2f}", "", f"{spent:.2f}", "", "")
    return f"{_COST}\n\n{_table(heads, [*lines, total])}"


def _folded(title: str, text: str) -> str:
    return f"<details><summary>{title}</summary>\n\n{text}\n\n</details>"


def _table(heads: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    rows = [heads, ["---"] * len(heads), *lines]
    return "\n".join(
        f"| {' | '.join(entry.replace('|', chr(92) + '|') for entry in row)} |" for row in rows)
