"""The verdict: what the strongest thief reached, at which price, and whether that passes."""

import dataclasses
from typing import Any

from attacks.grid.judgement import Judgement
from attacks.oracle.defences import AS_SERVED
from attacks.report.rows.mixtures import mixture_sentences
from attacks.report.rows.rows import defences_of
from attacks.report.rows.rows import distinct
from attacks.report.rows.rows import mean_agreement
from attacks.report.rows.rows import mean_of
from attacks.report.rows.rows import reference
from attacks.report.rows.rows import thieves_only
from attacks.report.rows.strongest import behind
from attacks.report.rows.strongest import strongest
from attacks.report.rows.worth import control_of
from attacks.report.rows.worth import control_sentence
from attacks.report.rows.worth import victim_accuracy
from attacks.report.rows.worth import victim_sentence
from attacks.report.statistics.per_row import PerRow
from attacks.report.statistics.replicates import estimate_level
from attacks.report.verdict.coverage import coverage
from attacks.report.verdict.limit import decide
from attacks.report.verdict.limit import FAILED
from attacks.report.verdict.limit import judged_thieves
from attacks.report.verdict.limit import PASSED
from attacks.report.verdict.limit import reason
from attacks.report.verdict.limit import UNDECIDED

SCHEMA_VERSION = 2
UNDECIDED_STATUS = 3
_STATUSES = {None: 0, PASSED: 0, FAILED: 2, UNDECIDED: UNDECIDED_STATUS}
_NO_THIEF = ("No result is of a thief: all are of controls, or of readers that are given clean "
             "outputs.")
# Thieves and cells that a sentence names; of the others it gives the number.
_NAMED = 3


@dataclasses.dataclass(frozen=True)
class Evidence:
    """What a verdict rests on.

    Attributes:
        rows: Rows as `attacks.report.rows.summary.summary_rows` gives them.
        per_row: The agreement by test row.
        missing: The cells without a result, in words; `None` where the grid is unknown.
        bill: The rows that the run has sent, or `None` where no endpoint is asked.
    """
    rows: list[dict[str, Any]]
    per_row: PerRow = dataclasses.field(default_factory=PerRow)
    missing: tuple[str, ...] | None = ()
    bill: dict[str, int] | None = None


def judge(evidence: Evidence, judgement: Judgement = Judgement()) -> dict[str, Any]:
    """The contents of `verdict.json`; its entry `sentence` says all of it in words.

    Args:
        evidence: The results. Where all are of controls, nothing is judged.
        judgement: The price and the limit. Defaults to neither: nothing is judged.
    """
    contests = _contests(evidence.rows)
    told = sum(contests, []) or evidence.rows
    price, limit = judgement.price_per_1000, judgement.fail_above
    findings = [_finding(contest, evidence.per_row, price) for contest in contests]
    judged = judged_thieves(
        [row for row in evidence.rows if row["defence"] in distinct(told, "defence")],
        evidence.per_row)
    fewer = _fewer(evidence.rows)
    result, sentence = _result(evidence.missing, fewer, judged, limit)
    bill = evidence.bill and {**evidence.bill, "cost": _cost(evidence.bill["rows_sent"], price)}
    sentences = [finding["sentence"] for finding in findings] or [_NO_THIEF]
    sentences += [
        victim_sentence(told),
        mixture_sentences(told),
        _bill_sentence(bill),
        _gaps(evidence.missing, fewer), sentence
    ]
    return {
        "schema_version": SCHEMA_VERSION,
        "findings": findings,
        "fail_above": limit,
        "price_per_1000": price,
        "result": result,
        "passed": {PASSED: True, FAILED: False}.get(result),
        "judged": [one.describe() for one in judged],
        "missing": None if evidence.missing is None else list(evidence.missing),
        "fewer_replicates": fewer,
        "bill": bill,
        "sentence": " ".join(filter(None, sentences)),
    }  # yapf: disable


def exit_status(verdict: dict[str, Any]) -> int:
    """0 where the verdict is passed or nothing is judged, 2 where it is failed, 3 undecided."""
    return _STATUSES[verdict["result"]]


def _contests(rows):
    """The rows of each judged defence at its largest budget, whose thieves compete.

    Without a defence nothing passes or fails, so `none` is judged only where it is alone.
    """
    contests = []
    thieves = thieves_only(rows)
    for defence in defences_of(thieves) or distinct(thieves, "defence"):
        budget = max(row["budget"] for row in thieves if row["defence"] == defence)
        contests.append(
            [row for row in rows if (row["defence"], row["budget"]) == (defence, budget)])
    return contests


def _finding(contest, per_row, price_per_1000):
    defence, budget = contest[0]["defence"], contest[0]["budget"]
    thief = strongest(contest, defence)
    mine = thief.rows(contest)
    sample = estimate_level(mine, per_row)
    control = control_of(contest, thief)
    finding = {
        "defence": defence,
        "budget": budget,
        "cost": _cost(budget, price_per_1000),
        "attack": thief.attack,
        "adversary": thief.adversary,
        "clone_architecture": thief.clone_architecture,
        "splits": sample.splits,
        "victims": sample.victims,
        "seeds": sample.seeds,
        "agreement": thief.agreement,
        "agreement_interval_95": sample.fraction_interval(),
        "interval_leaves_out": list(sample.leaves_out),
        "agreement_with": reference(mine[0]),
        "agreement_balanced": mean_of(mine, "agreement_balanced"),
        "chance_agreement": mean_of(mine, "chance_agreement"),
        "victim_accuracy": victim_accuracy(mine),
        "control_agreement": mean_agreement(control) if control else None,
        "evaluated_rows": sample.rows,
    }
    words = (_sentence(finding, thief.name,
                       coverage(sample)), control_sentence(control, thief.attack))
    return {**finding, "sentence": " ".join(filter(None, words))}


def _sentence(finding, thief, covered):
    defence = "" if finding["defence"] == AS_SERVED else f" on {finding['defence']}"
    low, high = finding["agreement_interval_95"]
    balanced = finding["agreement_balanced"]
    return (f"At {finding['budget']:,} queries{_price(finding['cost'])}, the strongest thief "
            f"tried{defence} ({thief}) agrees {finding['agreement']:.1%} (95% interval {low:.1%} "
            f"to {high:.1%} {covered})" +
            ("" if balanced is None else f", {balanced:.1%} balanced over labels") + ".")


def _fewer(rows):
    """The thieves that have fewer replicates than others, as entries of the verdict."""
    return [{
        "defence": defence,
        "budget": budget,
        "attack": attack,
        "adversary": adversary,
        "replicates": count,
        "most": most,
    } for (defence, budget, attack, adversary, _), (count, most) in behind(rows).items()]


def _gaps(missing, fewer):
    """Sentences on missing cells, and on the thieves that have fewer replicates than others."""
    sentences = []
    if missing:
        sentences.append(f"Missing: {_listed(missing)}.")
    if fewer:
        named = [
            f"{one['adversary']}, {one['attack']} at {one['budget']:,} queries on "
            f"{one['defence']} ({one['replicates']} of {one['most']})" for one in fewer
        ]
        sentences.append(f"Fewer replicates than others have: {_listed(named)}.")
    return " ".join(sentences)


def _result(missing, fewer, judged, limit):
    """The result, `None` where nothing is judged, and its sentence."""
    if limit is None:
        return None, ""
    if missing is None:
        result = UNDECIDED
        why = ("Which cells the grid has is unknown: run.flags is missing, damaged, or names "
               "members that are unknown here.")
    elif missing or fewer:
        count = len(missing)
        gap = (f"{count} cell{'s are' if count > 1 else ' is'} missing"
               if missing else "some thieves lack replicates")
        result, why = UNDECIDED, f"An incomplete grid decides nothing: {gap}."
    elif not judged:
        return None, "Nothing is judged."
    else:
        result = decide(judged, limit)
        why = reason(judged, limit, result)
    decimals = 1 if round(limit, 3) == limit else 3
    return result, f"{result.capitalize()}: the limit is {limit:.{decimals}%}. {why}"


def _listed(names):
    others = len(names) - _NAMED
    return "; ".join([*names[:_NAMED], *([f"{others} more"] if others > 0 else [])])


def _bill_sentence(bill):
    if not bill:
        return ""
    return (f"This run sent {bill['rows_sent']:,} rows{_price(bill['cost'])}, "
            f"{bill['rows_sent_evaluation']:,} of them to evaluate with"
            f"{_probe_words(bill.get('rows_sent_probe'))}; "
            f"{bill['rows_resent']:,} were sent again, their fate being unknown.")


def _probe_words(rows):
    return f" and {rows:,} to look at it first" if rows else ""


def _cost(queries, price_per_1000):
    return None if price_per_1000 is None else queries * price_per_1000 / 1000


def _price(cost):
    if cost is None:
        return ""
    return f", {cost:.{'2g' if 0 < cost < 0.01 else '2f'}} at your price"
