"""The verdict: what the strongest thief reached, at which price, and whether that passes."""

from typing import Any

from attacks.oracle.defences import AS_SERVED
from attacks.report.mixtures import mixture_sentences
from attacks.report.rows import defences_of
from attacks.report.rows import distinct
from attacks.report.rows import reference
from attacks.report.statistics import wilson_interval
from attacks.report.strongest import strongest

SCHEMA_VERSION = 1
_FAILED = 2


def judge(rows: list[dict[str, Any]],
          price_per_1000: float | None = None,
          fail_above: float | None = None,
          bill: dict[str, int] | None = None) -> dict[str, Any]:
    """The contents of `verdict.json`; its entry `sentence` says all of it in words.

    Args:
        rows: Rows as `attacks.report.summary.summary_rows` gives them.
        price_per_1000: What 1,000 queries cost. Defaults to unknown.
        fail_above: The largest agreement that passes. Defaults to none: nothing is judged.
        bill: The rows that the run has sent. Defaults to none, as where no endpoint is asked.
    """
    contests = _contests(rows)
    findings = [_finding(contest, price_per_1000) for contest in contests]
    highest = max(finding["agreement"] for finding in findings)
    verdict = {
        "schema_version": SCHEMA_VERSION,
        "findings": findings,
        "fail_above": fail_above,
        "passed": None if fail_above is None else highest <= fail_above,
        "bill": bill and {
            **bill, "cost": _cost(bill["rows_sent"], price_per_1000)
        },
    }
    sentences = [finding["sentence"] for finding in findings]
    sentences += [mixture_sentences(sum(contests, [])), *_closing(verdict)]
    return {**verdict, "sentence": " ".join(filter(None, sentences))}


def exit_status(verdict: dict[str, Any]) -> int:
    """0, or 2 if the verdict is that a thief agrees too often."""
    return _FAILED if verdict["passed"] is False else 0


def _contests(rows):
    """The rows of each judged defence at its largest budget, whose thieves compete.

    Without a defence nothing passes or fails, so `none` is judged only where it is alone.
    """
    contests = []
    for defence in defences_of(rows) or distinct(rows, "defence"):
        mine = [row for row in rows if row["defence"] == defence]
        budget = max(distinct(mine, "budget"))
        contests.append([row for row in mine if row["budget"] == budget])
    return contests


def _finding(contest, price_per_1000):
    defence, budget = contest[0]["defence"], contest[0]["budget"]
    thief = strongest(contest, defence)
    mine = thief.rows(contest)
    evaluated_rows = min(distinct(mine, "evaluated_rows"))
    finding = {
        "defence": defence,
        "budget": budget,
        "cost": _cost(budget, price_per_1000),
        "attack": thief.attack,
        "adversary": thief.adversary,
        "seeds": len(mine),
        "agreement": thief.agreement,
        "agreement_interval_95": wilson_interval(thief.agreement, evaluated_rows),
        "agreement_with": reference(mine[0]),
        "evaluated_rows": evaluated_rows,
    }
    return {**finding, "sentence": _sentence(finding)}


def _sentence(finding):
    defence = "" if finding["defence"] == AS_SERVED else f" on {finding['defence']}"
    low, high = finding["agreement_interval_95"]
    return (f"At {finding['budget']:,} queries{_price(finding['cost'])}, the strongest thief "
            f"tried{defence} ({finding['adversary']}, {finding['attack']}) agrees "
            f"{finding['agreement']:.1%} (95% interval {low:.1%} to {high:.1%}, "
            f"{finding['evaluated_rows']:,} held-out rows).")


def _closing(verdict):
    sentences = []
    if bill := verdict["bill"]:
        sentences.append(f"This run sent {bill['rows_sent']:,} rows{_price(bill['cost'])}, "
                         f"{bill['rows_sent_evaluation']:,} of them to evaluate with; "
                         f"{bill['rows_resent']:,} were sent again, their fate being unknown.")
    if verdict["passed"] is not None:
        result = "Passed" if verdict["passed"] else "Failed"
        sentences.append(f"{result}: the limit is {verdict['fail_above']:.1%}.")
    return sentences


def _cost(queries, price_per_1000):
    return None if price_per_1000 is None else queries * price_per_1000 / 1000


def _price(cost):
    return "" if cost is None else f", {cost:.2f} at your price"
