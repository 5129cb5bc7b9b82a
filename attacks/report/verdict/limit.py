"""Whether all thieves stay below a limit: passed, failed or undecided."""

import dataclasses
from typing import Any

from attacks.report.rows.rows import group_rows
from attacks.report.rows.rows import has_several_clones
from attacks.report.rows.rows import THIEF
from attacks.report.rows.rows import thief_name
from attacks.report.rows.rows import thieves_only
from attacks.report.statistics.per_row import PerRow
from attacks.report.statistics.replicates import estimate_level
from attacks.report.statistics.replicates import Sample
from attacks.report.statistics.variance import Interval

PASSED, FAILED, UNDECIDED = "passed", "failed", "undecided"
_MORE = {
    "splits": "splits of the data",
    "victims": "victims",
    "seeds": "seeds",
    "rows": "test rows"
}


@dataclasses.dataclass(frozen=True)
class Judged:
    """One thief at one budget, with the intervals by which it is judged.

    Attributes:
        name: The thief in words.
        defence: The defence.
        budget: The budget.
        sample: Its mean agreement.
        interval: The 95% interval.
        interval_all: The interval that holds for all judged thieves and budgets at once
            (Bonferroni).
    """
    name: str
    defence: str
    budget: int
    sample: Sample
    interval: Interval
    interval_all: Interval

    def __str__(self):
        return f"({self.name}) at {self.budget:,} queries on {self.defence}"

    def describe(self) -> dict[str, Any]:
        """The entry of the verdict."""
        return {
            "defence": self.defence,
            "thief": self.name,
            "budget": self.budget,
            "splits": self.sample.splits,
            "victims": self.sample.victims,
            "seeds": self.sample.seeds,
            "agreement": self.sample.mean,
            "agreement_interval_95": self.interval,
            "agreement_interval_all_95": self.interval_all,
        }


def judged_thieves(rows: list[dict[str, Any]], per_row: PerRow) -> list[Judged]:
    """Every thief at every budget: a thief may stop early.

    Args:
        rows: Rows of the judged defences. Controls are not judged.
        per_row: The agreement by test row.
    """
    groups = group_rows(thieves_only(rows), "defence", "budget", *THIEF).values()
    confidence = 1 - 0.05 / max(1, len(groups))
    names_clone, judged = has_several_clones(rows), []
    for group in groups:
        sample = estimate_level(group, per_row)
        judged.append(
            Judged(thief_name(group[0], names_clone), group[0]["defence"], group[0]["budget"],
                   sample, sample.fraction_interval(), sample.fraction_interval(confidence)))
    return judged


def decide(judged: list[Judged], limit: float) -> str:
    """Passed if every upper 95% bound is at most the limit; failed if one is surely above it.

    Args:
        judged: All thieves and budgets of a whole grid.
        limit: The largest agreement that passes.

    Returns:
        `PASSED`; `FAILED` where a lower bound is above the limit that holds for all thieves and
        budgets at once; or `UNDECIDED`.
    """
    if all(one.interval[1] <= limit for one in judged):
        return PASSED
    return FAILED if any(one.interval_all[0] > limit for one in judged) else UNDECIDED


def reason(judged: list[Judged], limit: float, result: str) -> str:
    """Why the result is what it is, in a sentence, and what would decide an undecided one."""
    count = len(judged)
    if result == PASSED:
        return (f"Of {count} thieves and budgets, no 95% interval reaches above it."
                if count > 1 else "The 95% interval does not reach above it.")
    if result == FAILED:
        worst = max(judged, key=lambda one: one.interval_all[0])
        corrected = f", corrected for {count} comparisons," * (count > 1)
        return (f"{worst} is above it: its interval{corrected} starts at "
                f"{worst.interval_all[0]:.1%}.")
    above = [one for one in judged if one.interval[1] > limit]
    widest = max(above, key=lambda one: one.interval[1])
    low, high = widest.interval
    count = len(above) - 1
    others = f" (as do{'es' * (count == 1)} {count} more)" * (count > 0)
    return (f"The interval of {widest}, {low:.1%} to {high:.1%}, reaches above it{others}. "
            f"More {_more(widest.sample)} would decide it soonest.")


def _more(sample):
    """The factor that contributes most to the variance; rows where nothing varies.

    One seed of the thief tells nothing of others, so several come first.
    """
    if "seeds" in sample.leaves_out:
        return _MORE["seeds"]
    parts = sample.estimate.parts
    return _MORE[max(parts, key=lambda name: parts[name]) if any(parts.values()) else "rows"]
