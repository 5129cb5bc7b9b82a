"""What an agreement is worth: the victim's accuracy, chance, balance, and the control."""

from typing import Any

from attacks.report.rows.readers import is_control
from attacks.report.rows.rows import group_rows
from attacks.report.rows.rows import mean_agreement
from attacks.report.rows.rows import mean_of
from attacks.report.rows.rows import replicates_of
from attacks.report.rows.rows import THIEF
from attacks.report.rows.rows import VICTIM
from attacks.report.rows.strongest import Strongest


def victim_accuracy(rows: list[dict[str, Any]]) -> float | None:
    """The mean accuracy of the victims without their defence or, where unknown, as served."""
    accuracy = mean_of(rows, "victim_accuracy_clean")
    return mean_of(rows, "victim_accuracy_defended") if accuracy is None else accuracy


def victim_lines(rows: list[dict[str, Any]]) -> list[str]:
    """A line for each victim, by fingerprint: its accuracy, its most frequent label and seeds."""
    lines = []
    for (split, digest), group in group_rows(rows, *VICTIM).items():
        seeds = len(replicates_of(group))
        facts = [f"{seeds} seed{'s' * (seeds > 1)} of thieves"]
        if (chance := mean_of(group, "chance_agreement")) is not None:
            facts.insert(0, f"most frequent label {chance:.3f} (chance)")
        if (accuracy := victim_accuracy(group)) is not None:
            facts.insert(0, f"accuracy {accuracy:.3f}")
        lines.append(f"Victim {group[0]['victim']} ({str(digest)[:7]}, split {split}): "
                     f"{', '.join(facts)}.")
    return lines


def victim_sentence(rows: list[dict[str, Any]]) -> str:
    """A sentence on the accuracy of the victims and on chance; empty where both are unknown."""
    clauses = []
    if (accuracy := victim_accuracy(rows)) is not None:
        clauses.append(f"The victim's accuracy is {accuracy:.1%}")
    if (chance := mean_of(rows, "chance_agreement")) is not None:
        start = "its" if clauses else "The victim's"
        clauses.append(f"{start} most frequent label has {chance:.1%} of the rows, which is the "
                       "agreement of a constant clone")
    return f"{'; '.join(clauses)}." if clauses else ""


def control_of(rows: list[dict[str, Any]], thief: Strongest) -> list[dict[str, Any]]:
    """The rows of the control of a thief's attack, or of the best one where that attack has none.

    Args:
        rows: Rows of one defence and budget.
        thief: The thief that the control is compared with.
    """

    def likeness(group):
        attack, clone = group[0]["attack"], group[0]["clone_architecture"]
        return attack == thief.attack, clone == thief.clone_architecture, mean_agreement(group)

    controls = group_rows(filter(is_control, rows), *THIEF)
    return max(controls.values(), key=likeness, default=[])


def control_sentence(rows: list[dict[str, Any]], attack: str) -> str:
    """A sentence on the control; empty where there is none.

    Args:
        rows: The rows of the control.
        attack: The attack of the thief. Another one's control stands in where its inputs have no
            true labels.
    """
    if not rows:
        return ""
    own = rows[0]["attack"]
    trained_on = "the same rows" if own == attack else (
        f"the rows of {own}, as those of {attack} have none,")
    return (f"The control, trained by the same recipe on the true labels of {trained_on} without "
            f"asking anything, agrees {mean_agreement(rows):.1%}: this far the shared task alone "
            "carries. It is no lower bound of what the victim leaks.")
