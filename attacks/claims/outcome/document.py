"""Claims and verdicts as Markdown: `RESULTS.md`."""

import collections
from collections.abc import Iterable, Mapping, Sequence
import pathlib

from attacks.claims.criterion.claim import Claim
from attacks.claims.criterion.claim import Trial
from attacks.claims.criterion.finding import Finding
from attacks.claims.criterion.finding import NOT
from attacks.claims.criterion.finding import PARTLY
from attacks.claims.criterion.finding import REPRODUCED
from attacks.claims.criterion.finding import UNDECIDED
from attacks.claims.criterion.grid import Grid
from attacks.claims.outcome.assessment import Assessment
from attacks.claims.outcome.cost import cost_of
from attacks.claims.outcome.cost import hours_of_all
from attacks.claims.outcome.figures import figures_of
from attacks.report.table import agreement_table

_HEAD = """# The paper, reproduced

Lee, Edwards, Molloy and Su defend a classifier against model stealing by moving the probabilities
that it answers with ([arXiv 1806.00054](https://arxiv.org/abs/1806.00054)). This page has a section
for each claim that they make, and for one of ours: what the paper says, the result here, and the
command that makes it again.

*Agreement* is the fraction of held-out rows on which the thief's clone and the victim give one
label. The *naive* thief trains on the answers as they are, the *strongest* is the best that was
tried, chosen on validation rows. Each criterion was written before the runs. A claim is
*reproduced* where all conditions of its criterion hold, *not* where none does, *partly* where some
hold and some do not, and *undecided* otherwise, and while runs are missing that could change the
verdict: the section then shows what the others tell. Intervals are 95%, over replicates in which
split, victim and thief are drawn anew, and over test rows (those of query multipliers over
replicates alone). A condition that is true fails by chance once in forty times, so of many
conditions one may. A *quick trial* of minutes on
scikit-learn's digits has a milder criterion of its own. In the long runs on MNIST and CIFAR-10
clones compute in bfloat16, as their flagfiles say, else in float32:
[claim 12](#{precision}) has what that changes.

`python -m attacks.reproduce --claim=N` makes the results of a claim again and judges them, and
`--write_results` writes this page and its figures, from the cells in
[results](results) alone."""
SUMMARY_BEGINS = "<!-- Written by python -m attacks.reproduce --write_results. -->"
SUMMARY_ENDS = "<!-- The end of what it writes. -->"
# The claim that tells what the precision of clones changes.
PRECISION = 12
_COST = """Hours are processor time over the number of cores: wall time, if nothing else runs.
Planned ones are for float32, and include the training of victims. How long that lasted has a
column of its own, on a machine that often did something else as well; the sum counts a victim that
several runs attack once. The runs are in the order of importance; some serve several claims."""
# Hours of two cores for all runs.
BUDGET = 16
_HOLDS = {True: "yes", False: "no", None: "open"}


def listing(claims: Iterable[Claim]) -> str:
    """A line for each claim."""
    return "\n".join(f"{claim.number:2} {claim.title}" for claim in claims)


def claim_text(claim: Claim, trial: Trial, assessment: Assessment) -> str:
    """A claim, its criterion and what came out."""
    beside = assessment.beside()
    parts = [
        f"**The paper.** {claim.source} Reported: {claim.reported}",
        f"**Criterion.** {trial.criterion}", f"**Here: {assessment.verdict}.**",
        assessment.missing(),
        _findings(assessment.judged()),
        _folded(f"{len(beside)} figure{'s' * (len(beside) > 1)} beside it", _findings(beside))
        if beside else ""
    ]
    return "\n\n".join(filter(None, parts))


def document(claims: Mapping[int, Claim], order: Sequence[int],
             assessments: Mapping[int, Assessment], base: pathlib.Path) -> str:
    """The text of `RESULTS.md`: the summary, each claim, the cost, and the tables of all runs.

    Args:
        claims: The claims, by number.
        order: The numbers in the order in which hours are spent on claims.
        assessments: What is known of the claims.
        base: The directory with the results of their runs, two below that of the document.
    """
    runs = _users([claims[number] for number in order])
    parts = [_HEAD.format(precision=_anchor(claims[PRECISION])), _counts(assessments),
             _summary(claims, assessments)]  # yapf: disable
    for number, claim in claims.items():
        parts += [
            f"## {number}. {claim.title}",
            claim_text(claim, claim.trial, assessments[number]),
            _quick_text(claim.quick, assessments[number].quick),
            _images(claim, assessments[number], base), claim.remarks,
            _commands(claim)
        ]
    grids = _grids(assessments)
    parts += ["## What the runs cost", _costs(runs, grids, base)]
    tables = [
        _folded(name, f"```\n{agreement_table(grids[name].rows)}\n```")
        for name in (grid.name for grid in runs)
        if grids[name].rows
    ]
    parts += ["## Agreement in all runs", *tables] if tables else []
    return "\n\n".join(filter(None, parts)) + "\n"


def _counts(assessments, page=""):
    """How many claims there are of each verdict, and which runs are not complete."""
    quick = [each.quick for each in assessments.values() if _is_done(each.quick)]
    counts = (f"Of {len(assessments)} claims: {_verdicts(assessments.values())}. "
              f"Of {len(quick)} quick trials: {_verdicts(quick)}.")
    absent = [name for name, grid in _grids(assessments).items() if grid.missing]
    if not absent:
        return counts
    return f"{counts} Not complete ([why]({page}#what-the-runs-cost)): {', '.join(absent)}."


def _grids(assessments):
    """The results of all runs, by their names."""
    return {name: grid for each in assessments.values() for name, grid in each.grids.items()}


def _verdicts(assessments):
    counts = collections.Counter(each.verdict for each in assessments)
    verdicts = (REPRODUCED, PARTLY, NOT, UNDECIDED)
    return ", ".join(f"{counts[verdict]} {verdict}" for verdict in verdicts)


def _quick_text(trial, assessment):
    """What the quick trial tells, once it is complete."""
    if not _is_done(assessment):
        return ""
    tables = "\n\n".join(filter(None, map(_findings, (assessment.judged(), assessment.beside()))))
    return (f"**Quick trial: {assessment.verdict}.** {trial.criterion}\n\n" +
            _folded(_headline(assessment), tables))


def _is_done(assessment):
    return assessment is not None and not assessment.missing()


def _images(claim, assessment, base):
    """Links to the figures of a claim."""
    return "\n\n".join(f"![{figure.caption}]({figure.path.relative_to(base.parents[1])})"
                       for figure in figures_of(claim, assessment, base))


def with_summary(text: str, claims: Mapping[int, Claim], assessments: Mapping[int,
                                                                              Assessment]) -> str:
    """A page with the summary of the claims that have results, in place of the one it has.

    Args:
        text: The page. The summary stands between the lines `SUMMARY_BEGINS` and `SUMMARY_ENDS`.
        claims: The claims, by number.
        assessments: What is known of them.
    """
    begun = {
        number: claim
        for number, claim in claims.items()
        if assessments[number].findings or _is_done(assessments[number].quick)
    }
    summary = [
        _counts(assessments, "RESULTS.md"),
        _summary(begun, assessments, "RESULTS.md") if begun else ""
    ]
    before, _, after = text.partition(SUMMARY_BEGINS)
    rest = after.partition(SUMMARY_ENDS)[2]
    return "\n\n".join([f"{before}{SUMMARY_BEGINS}", *filter(None, summary),
                        f"{SUMMARY_ENDS}{rest}"])  # yapf: disable


def _summary(claims, assessments, page=""):
    lines = [(f"[{number}. {claim.title}]({page}#{_anchor(claim)})", claim.reported,
              _headline(assessments[number]), assessments[number].verdict,
              _quick_verdict(assessments[number].quick)) for number, claim in claims.items()]
    return _table(("claim", "the paper", "here", "verdict", "quick trial"), lines)


def _quick_verdict(assessment):
    return assessment.verdict if _is_done(assessment) else "-"


def _anchor(claim):
    """The anchor that Markdown gives to the heading of a claim."""
    words = f"{claim.number}. {claim.title}".lower().replace(" ", "-")
    return "".join(letter for letter in words if letter.isalnum() or letter in "-_")


def _headline(assessment):
    """The first finding that speaks against the claim, else the first one; or how much there is."""
    if assessment.findings:
        fails = [finding for finding in assessment.judged() if finding.holds is False]
        first = (fails or assessment.findings)[0]
        notes = ", ".join(filter(None, [_progress(assessment), _conditions(assessment.judged())]))
        return f"{first.subject}: {first.figure()}" + (f" ({notes})" if notes else "")
    quick = f"; quick trial: {_headline(assessment.quick)}" if _is_done(assessment.quick) else ""
    there = sum(len(grid.rows) for grid in assessment.grids.values())
    return (f"{there} cells so far" if there else "not run yet") + quick


def _progress(assessment):
    complete, runs = len(assessment.complete()), len(assessment.grids)
    return f"{complete} of {runs} runs" if complete < runs else ""


def _conditions(findings):
    """How many conditions hold and fail, if there are several."""
    counts = collections.Counter(finding.holds for finding in findings)
    if len(findings) < 2:
        return ""
    return f"{counts[True]} of {len(findings)} conditions hold, {counts[False]} fail"


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


def _costs(runs, grids, base):
    """A line for each run: what was planned for it, and what it has cost."""
    lines, planned = [], 0.0
    costs = {grid: cost_of(grid.directory(base)) for grid in runs}
    for grid, numbers in runs.items():
        cost, count = costs[grid], len(grid.cells())
        planned += grid.planned_hours()
        lines.append(
            (grid.name, ", ".join(numbers), str(count), f"{grid.cpu_seconds:g}",
             f"{grid.planned_hours():.2f}", f"{planned:.2f}", f"{cost.hours:.2f}",
             f"{cost.cpu_hours:.2f}", f"{cost.victim_hours:.2f}", ", ".join(cost.commits) or "-"))
    heads = ("run", "claims", "cells", "planned CPU seconds a cell", "planned hours",
             "and all before", "hours", "CPU hours", "victims, hours", "commit")
    spent, victims = hours_of_all(costs.values())
    total = ("all", "", "", "", f"{planned:.2f}", "", f"{spent:.2f}", "", f"{victims:.2f}", "")
    rest = _rest([grid for grid in runs if grids[grid.name].missing], spent + victims)
    return "\n\n".join(filter(None, [_COST, rest, _table(heads, [*lines, total])]))


def _rest(incomplete, spent):
    """For which runs hours are left, and for which there are too few; empty if all are complete."""
    fit = [grid for grid in incomplete if grid.planned_hours() <= BUDGET - spent]
    others = [grid for grid in incomplete if grid not in fit]
    sentences = [
        f"{text}: " + ", ".join(f"{grid.name} ({grid.planned_hours():.2f} planned)"
                                for grid in grids) + "."
        for text, grids in (("The rest is too little for these runs, so that what only they would "
                             "decide stays undecided", others), ("It is enough for these", fit))
        if grids
    ]  # yapf: disable
    told = f"Of {BUDGET} hours of two cores, set aside for all runs, {spent:.2f} are spent."
    return " ".join([told, *sentences]) if incomplete else ""


def _folded(title: str, text: str) -> str:
    return f"<details><summary>{title}</summary>\n\n{text}\n\n</details>"


def _table(heads: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    rows = [heads, ["---"] * len(heads), *lines]
    return "\n".join(
        f"| {' | '.join(entry.replace('|', chr(92) + '|') for entry in row)} |" for row in rows)
