"""What the page says, from the rows of results."""

import dataclasses
from typing import Any

from attacks.grid.registries import ADVERSARIES
from attacks.grid.registries import ATTACKS
from attacks.report.leak.bounded_leak import MARGIN
from attacks.report.page.chart import Chart
from attacks.report.page.chart import Line
from attacks.report.rows.readers import is_control
from attacks.report.rows.readers import needs_labels_alone
from attacks.report.rows.readers import reads_labels_alone
from attacks.report.rows.rows import defences_of
from attacks.report.rows.rows import distinct
from attacks.report.rows.rows import group_rows
from attacks.report.rows.rows import has_several_clones
from attacks.report.rows.rows import is_thief
from attacks.report.rows.rows import mean_of
from attacks.report.rows.rows import THIEF
from attacks.report.rows.rows import thief_name
from attacks.report.rows.rows import thieves_only
from attacks.report.rows.strongest import strongest
from attacks.report.statistics.per_row import PerRow
from attacks.report.statistics.replicates import estimate_difference
from attacks.report.statistics.replicates import estimate_level
from attacks.report.statistics.replicates import paired

Rows = list[dict[str, Any]]
# What honest users lose: the columns of clean answers, as given, and as decoded where known.
_COSTS = (
    ("accuracy", ("victim_accuracy_clean", "victim_accuracy_defended", None), True),
    ("AUROC of the confidence for being right",
     ("confidence_auroc_clean", "confidence_auroc_defended", "confidence_auroc_decoded"), True),
    ("expected calibration error", ("ece_clean", "ece_defended", "ece_decoded"), False),
    ("Brier score", ("brier_clean", "brier_defended", "brier_decoded"), False),
    ("true class among the first 5", ("top5_accuracy_clean", "top5_accuracy_defended",
                                      "top5_accuracy_decoded"), True),
)


@dataclasses.dataclass(frozen=True)
class Level:
    """A mean agreement and its 95% interval."""
    mean: float
    low: float
    high: float


def levels(rows: Rows, per_row: PerRow) -> dict[int, Level]:
    """The agreement of one thief by budget.

    Args:
        rows: Rows of one defence and thief.
        per_row: The agreement by test row.
    """
    found = {}
    for (budget,), group in sorted(group_rows(rows, "budget").items()):
        sample = estimate_level(group, per_row)
        found[budget] = Level(sample.mean, *sample.fraction_interval())
    return found


@dataclasses.dataclass(frozen=True)
class Thief:
    """A row of the table of thieves."""
    name: str
    is_control: bool
    is_thief: bool
    is_strongest: bool
    levels: dict[int, Level]


@dataclasses.dataclass(frozen=True)
class Section:
    """What happens to the model behind one defence.

    Attributes:
        defence: The defence as a member.
        chart: Agreement over queries.
        budgets: The budgets of the grid.
        thieves: The table of thieves, the strongest first.
        advice: What would lower what a thief gets, in sentences.
        costs: Rows of name, clean, as given, as decoded; `None` where unknown.
        distortion: Mean L1 distance of the answers, or `None`.
        label_changes: Number of test rows whose label the defence changes, or `None`.
    """
    defence: str
    chart: Chart
    budgets: list[int]
    thieves: list[Thief]
    advice: list[str]
    costs: list[tuple[str, list[float | None], bool]]
    distortion: float | None
    label_changes: float | None


def sections(rows: Rows, per_row: PerRow) -> list[Section]:
    """A section for each judged defence, or for the undefended victim where that is alone."""
    defences = defences_of(thieves_only(rows)) or distinct(rows, "defence")
    return [_section(rows, defence, per_row) for defence in defences]


def not_tried(rows: Rows) -> dict[str, list[str]]:
    """The attacks and adversaries of this suite that the grid has not."""
    kinds = {"attack": ATTACKS, "adversary": ADVERSARIES}
    tried = {kind: {member.partition(":")[0] for member in distinct(rows, kind)} for kind in kinds}
    return {
        kind: [name for name in registry.names if name not in tried[kind]]
        for kind, registry in kinds.items()
    }


def _section(rows, defence, per_row):
    mine = [row for row in rows if row["defence"] == defence]
    budgets = sorted(distinct(mine, "budget"))
    most = max(distinct(thieves_only(mine) or mine, "budget"))
    last = [row for row in mine if row["budget"] == most]
    best = strongest(last, defence)
    names_clone = has_several_clones(rows)
    thieves = [
        Thief(thief_name(group[0], names_clone), is_control(group[0]), is_thief(group[0]),
              best is not None and key == (best.attack, best.adversary, best.clone_architecture),
              levels(group, per_row)) for key, group in group_rows(mine, *THIEF).items()
    ]
    thieves.sort(key=lambda one: (not one.is_thief, -one.levels[max(one.levels)].mean))
    return Section(defence=defence,
                   chart=Chart(f"Agreement over queries, {defence}",
                               _lines(rows, defence, best, per_row)),
                   budgets=budgets,
                   thieves=thieves,
                   advice=_advice(last, best, per_row),
                   costs=_costs(mine),
                   distortion=mean_of(mine, "distortion_l1_test"),
                   label_changes=mean_of(mine, "label_changes_test"))


def _lines(rows, defence, best, per_row):
    """The strongest thief, and what it is compared with; one line where two would be equal."""
    mine = [row for row in rows if row["defence"] == defence]
    attack = best.attack if best else mine[0]["attack"]
    alike = [row for row in mine if row["attack"] == attack]
    of = {
        "strongest": best.rows(mine) if best else [],
        "labels": _of_adversary(alike, "labels"),
        "naive": _of_adversary(alike, "probabilities"),
        "control": [row for row in mine if is_control(row)],
    }
    if defence != "none":
        undefended = [row for row in rows if row["defence"] == "none"]
        of["undefended"] = _of_adversary([row for row in undefended if row["attack"] == attack],
                                         "probabilities")
    names = {
        "strongest": f"strongest: {best.adversary if best else ''}",
        "labels": "labels alone",
        "naive": "naive",
        "control": "control (asks nothing)",
        "undefended": "naive, no defence",
    }
    if not any(of.values()):  # All results are of readers that are given clean outputs.
        names["control"] = alike[0]["adversary"]
        of["control"] = _of_adversary(alike, names["control"])
    lines, seen = [], []
    for kind, group in of.items():
        if group and group not in seen:
            seen.append(group)
            points = [(budget, one.mean, one.low, one.high)
                      for budget, one in levels(group, per_row).items()]
            lines.append(Line(names[kind], kind, tuple(points)))
    return lines


def _of_adversary(rows, name):
    """The rows of a reader without options, of the clones that the first of them has."""
    mine = [row for row in rows if row["adversary"] == name]
    return [row for row in mine if row["clone_architecture"] == mine[0]["clone_architecture"]]


def _advice(rows, best, per_row):
    """What would lower what the strongest thief gets at the largest budget."""
    if best is None:
        return ["No thief was tried."]
    sentences = []
    alike = [row for row in rows if row["attack"] == best.attack and reads_labels_alone(row)]
    labels = strongest(alike, rows[0]["defence"])
    if needs_labels_alone(best.rows(rows)[0]):
        sentences.append(
            "This thief needs the labels alone. No defence that keeps the label can lower what it "
            "gets: only fewer answers can, such as by limits on the queries of each client.")
    elif labels is not None:
        sentences.append(_beside_labels(labels.rows(rows), best.rows(rows), per_row))
    else:
        sentences.append("How far a thief of the labels alone comes was not tried: that is the "
                         "floor of every defence that keeps the label.")
    sentences.append("The chart says what fewer queries are worth.")
    return sentences


def _beside_labels(labels, mine, per_row):
    """What the strongest thief of the labels alone gets, and whether that is enough."""
    floor, level = (levels(group, per_row).popitem()[1] for group in (labels, mine))
    gained = estimate_difference(*paired(labels, mine), per_row).estimate
    low, high = gained.difference_interval() or (None, None)
    both = (f"A thief of the labels alone agrees {floor.mean:.1%} ({floor.low:.1%} to "
            f"{floor.high:.1%}), this one {level.mean:.1%}.")
    if high is not None and high <= MARGIN:
        return (f"{both} Labels are enough: no defence that keeps the label can lower this, only "
                "fewer answers can, such as by limits on the queries of each client.")
    if low is not None and low > 0:
        return (f"{both} Answers that tell the label, or the label and a few bits of confidence "
                "(`label_only`, `confidence_buckets`), would bring it down to about the former; "
                "nothing that keeps the label brings it lower.")
    return (f"{both} These results do not tell whether it gains by what answers tell besides the "
            "label: more replicates would.")


def _costs(rows):
    found = []
    for name, columns, higher_is_better in _COSTS:
        values = [column and mean_of(rows, column) for column in columns]
        if any(value is not None for value in values):
            found.append((name, values, higher_is_better))
    return found
