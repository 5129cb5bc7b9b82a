"""The verdict: what the strongest thief reached, at which price, and whether that passes."""

import json
import math
import os
import pathlib
from typing import Any

from attacks.evaluation.agreement import reference
from attacks.oracle.defences import AS_SERVED
from attacks.report import report
from attacks.report.strongest import strongest
from attacks.results.records import read_cells
from models.processes.files import write_atomically

SCHEMA_VERSION = 1
FAILED = 2


def write(directory: str | os.PathLike, price_per_1000: float | None, fail_above: float | None,
          bill: dict[str, int] | None) -> dict[str, Any]:
    """Writes `verdict.json`.

    Args:
        directory: A results directory.
        price_per_1000: What 1,000 queries cost, or None.
        fail_above: The largest agreement that passes, or None.
        bill: What the run has sent, or None where nothing is sent.

    Returns:
        What it holds; `sentence` says it in words.
    """
    findings = findings_of(directory, price_per_1000)
    highest = max(finding["agreement"] for finding in findings)
    record = {
        "schema_version": SCHEMA_VERSION,
        "findings": findings,
        "fail_above": fail_above,
        "passed": None if fail_above is None else highest <= fail_above,
        "bill": bill and _priced(bill, price_per_1000),
    }
    said = [finding["sentence"] for finding in findings] + _closing(record)
    record["sentence"] = " ".join(said)
    text = json.dumps(record, indent=1, allow_nan=False) + "\n"
    write_atomically(pathlib.Path(directory, "verdict.json"), text, overwrite=True)
    return record


def exit_status(record: dict[str, Any]) -> int:
    """0, or `FAILED` if the verdict is that it does not pass."""
    return FAILED if record["passed"] is False else 0


def findings_of(directory: str | os.PathLike,
                price_per_1000: float | None = None) -> list[dict[str, Any]]:
    """The strongest thief of each defence at its largest budget.

    Without a defence nothing passes or fails, so `none` is judged only where it is alone.
    """
    flat = report.rows(directory)
    evaluated = {record["id"]: _evaluated_rows(record) for record in read_cells(directory)}
    defences = list(dict.fromkeys(row["defence"] for row in flat))
    judged = [defence for defence in defences if defence != "none"] or defences
    return [
        _finding(defence, [row for row in flat if row["defence"] == defence], evaluated,
                 price_per_1000) for defence in judged
    ]


def _finding(defence, flat, evaluated, price_per_1000):
    budget = max(row["budget"] for row in flat)
    flat = [row for row in flat if row["budget"] == budget]
    thief = strongest(flat, defence)
    mine = [
        row for row in flat if (row["attack"], row["adversary"]) == (thief.attack, thief.adversary)
    ]
    rows = min(evaluated[row["id"]] for row in mine)
    finding = {
        "defence": defence,
        "budget": budget,
        "cost": None if price_per_1000 is None else budget * price_per_1000 / 1000,
        "attack": thief.attack,
        "adversary": thief.adversary,
        "seeds": len(mine),
        "agreement": thief.agreement,
        "agreement_interval_95": wilson_interval(thief.agreement, rows),
        "agreement_with": reference(mine[0]),
        "evaluated_rows": rows,
    }
    return {**finding, "sentence": _sentence(finding)}


def _sentence(finding):
    price = "" if finding["cost"] is None else f", {finding['cost']:.2f} at your price"
    against = "" if finding["defence"] == AS_SERVED else f" on {finding['defence']}"
    low, high = finding["agreement_interval_95"]
    return (f"At {finding['budget']:,} queries{price}, the strongest thief tried{against} "
            f"({finding['adversary']}, {finding['attack']}) agrees {finding['agreement']:.1%} "
            f"(95% interval {low:.1%} to {high:.1%}, {finding['evaluated_rows']:,} held-out rows).")


def _closing(record):
    said = []
    if bill := record["bill"]:
        price = "" if bill["cost"] is None else f", {bill['cost']:.2f} at your price"
        said.append(f"This run sent {bill['rows_sent']:,} rows{price}, "
                    f"{bill['rows_sent_evaluation']:,} of them to evaluate with; "
                    f"{bill['rows_resent']:,} were sent again, their fate being unknown.")
    if record["passed"] is not None:
        verdict = "Passed" if record["passed"] else "Failed"
        said.append(f"{verdict}: the limit is {record['fail_above']:.1%}.")
    return said


def _priced(bill, price_per_1000):
    cost = None if price_per_1000 is None else bill["rows_sent"] * price_per_1000 / 1000
    return {**bill, "cost": cost}


def _evaluated_rows(record):
    return record["victim"].get("evaluated_rows", record["dataset"]["rows"]["test"])


def wilson_interval(share: float, rows: int) -> tuple[float, float]:
    """The 95% interval of a share that was measured on so many rows (Wilson, 1927)."""
    z = 1.959964
    centre = (share + z**2 / (2 * rows)) / (1 + z**2 / rows)
    half = z / (1 + z**2 / rows) * math.sqrt(share * (1 - share) / rows + (z / (2 * rows))**2)
    return max(0.0, centre - half), min(1.0, centre + half)
