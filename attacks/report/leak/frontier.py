"""The frontier: what a defence costs honest users, and how much it leaves the strongest thief."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from attacks.report.columns.leak_columns import FRONTIER
from attacks.report.leak.coded_members import code_of
from attacks.report.rows.readers import reads_labels_alone
from attacks.report.rows.rows import agreement
from attacks.report.rows.rows import distinct
from attacks.report.rows.rows import group_rows
from attacks.report.rows.rows import mean_agreement
from attacks.report.rows.rows import mean_of
from attacks.report.rows.rows import thieves_only
from attacks.report.rows.strongest import strongest
from attacks.report.statistics.losses import loss_of
from attacks.report.statistics.per_row import PerRow
from attacks.report.statistics.ratio import ratio_interval
from attacks.report.statistics.replicates import drawn_together
from attacks.report.statistics.replicates import estimate_difference
from attacks.report.statistics.replicates import group_means
from attacks.report.statistics.replicates import paired

Rows = list[dict[str, Any]]
# The columns whose difference is a loss, in this order; `{}` is how the answers are read.
_LOSSES = {
    "auroc_lost": ("confidence_auroc_clean", "confidence_auroc_{}"),
    "ece_added": ("ece_{}", "ece_clean"),
    "brier_added": ("brier_{}", "brier_clean"),
    "top5_lost": ("top5_accuracy_clean", "top5_accuracy_{}"),
}


def frontier(rows: Rows) -> Rows:
    """A row of the columns `FRONTIER` for each defence and budget.

    Three thieves are compared, each the strongest of its kind on the evaluator's validation rows;
    readers that are given clean outputs are no thieves. Over the replicates that all three have:

        advantage = mean(defended - labels)
        kept = advantage / mean(undefended - labels)

    A budget without an undefended thief that reads labels alone has no row.

    Args:
        rows: Rows as `attacks.report.rows.summary.summary_rows` gives them.
    """
    found, thieves = [], thieves_only(rows)
    for (budget,), group in sorted(group_rows(thieves, "budget").items()):
        undefended = [row for row in group if row["defence"] == "none"]
        best = strongest(undefended, "none")
        labels = strongest([row for row in undefended if reads_labels_alone(row)], "none")
        if not labels:
            continue
        references = best.rows(undefended), labels.rows(undefended)
        found += [
            _row(defence, budget, [row for row in group if row["defence"] == defence],
                 references) for defence in distinct(group, "defence")
        ]
    return [row for row in found if row]


def merged(tables: Iterable[Rows]) -> Rows:
    """The frontier of several directories: of each defence and budget, that of most replicates.

    Args:
        tables: What `frontier` returns for each directory.

    Raises:
        ValueError: If there is nothing in them, or if they are of several data sets.
    """
    rows = [row for table in tables for row in table]
    names = distinct(rows, "dataset")
    if len(names) != 1:
        raise ValueError("The directories must have results of one data set, with an undefended "
                         "thief and one that reads labels alone. Received: "
                         f"{', '.join(names) or 'none'}")
    groups = group_rows(rows, "budget", "defence")
    chosen = [max(group, key=lambda row: row["replicates"]) for group in groups.values()]
    return sorted(chosen, key=lambda row: row["budget"])


def _row(defence, budget, mine, references):
    thief = strongest(mine, defence)
    sides = _on_common_replicates([thief.rows(mine), *references])
    if not sides[0]:
        return None
    values = {
        "dataset": mine[0]["dataset"],
        "defence": defence,
        "budget": budget,
        "replicates": len(sides[0]),
        "thief": thief.name,
        "answer_entropy_bits": mean_of(mine, "answer_entropy_bits"),
        **_described(defence),
        **_kept(*sides),
        **_losses(mine),
    }
    return {column.name: values[column.name] for column in FRONTIER}


def _on_common_replicates(sides):
    """The rows of several thieves, in one order of the replicates that all of them have."""
    first = sides[0]
    for side in sides[1:]:
        first, _ = paired(first, side)
    return [paired(first, side)[1] for side in sides]


def _described(defence):
    code = code_of(defence)
    return {"family": code.family, "bits": code.bits} if code else {"family": defence, "bits": None}


def _kept(defended, undefended, labels):
    reference = np.array(list(map(agreement, labels)))
    left, whole = (
        np.array(list(map(agreement, side))) - reference for side in (defended, undefended))
    # The widest of the intervals over the factors that vary.
    ends = [
        ratio_interval(group_means(groups, left), group_means(groups, whole))
        for groups in drawn_together(defended)
    ] or [(None, None)]
    lows, highs = zip(*ends)
    estimate = estimate_difference(labels, defended, PerRow()).estimate
    low, high = estimate.difference_interval() or (None, None)
    return {
        "agreement": mean_agreement(defended),
        "agreement_undefended": mean_agreement(undefended),
        "agreement_labels": mean_agreement(labels),
        "advantage": estimate.mean,
        "advantage_low_95": low,
        "advantage_high_95": high,
        "kept": float(left.mean() / whole.mean()) if whole.mean() > 0 else None,
        "kept_low_95": None if None in lows else min(lows),
        "kept_high_95": None if None in highs else max(highs),
    }


def _losses(rows):
    zero = [{**row, "zero": 0.0} for row in rows]
    values = {}
    for read in ("defended", "decoded"):
        suffix = "_decoded" if read == "decoded" else ""
        found = {
            name: loss_of(name, rows, more.format(read), less.format(read))
            for name, (more, less) in _LOSSES.items()
        }
        found["l1"] = loss_of("l1", zero, f"distortion_l1{suffix or '_test'}", "zero")
        for name, loss in found.items():
            values[f"{name}{suffix}"] = loss.mean
            if not suffix:
                values |= dict(zip((f"{name}_low_95", f"{name}_high_95"), _interval(loss)))
    return values


def _interval(loss):
    ends = loss.estimate and loss.estimate.interval()
    return ends or (None, None)
