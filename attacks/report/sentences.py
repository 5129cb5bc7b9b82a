"""The closing sentences: what the results say, in plain words."""

from typing import Any

from attacks.report.rows import defences_of
from attacks.report.rows import distinct
from attacks.report.rows import group_rows
from attacks.report.rows import reference
from attacks.report.strongest import strongest


def closing_sentences(rows: list[dict[str, Any]]) -> str:
    """Sentences on each defence, at the largest budget; empty without a defence.

    Only attacks and seeds that all compared thieves have count. Of several attacks, each thief's
    best one is told: chosen on the evaluator's validation rows, reported on test rows.
    """
    budget = max(distinct(rows, "budget"))
    rows = [row for row in rows if row["budget"] == budget]
    sentences = (
        _sentences_on(defence, _comparable(rows, defence), budget) for defence in defences_of(rows))
    return " ".join(filter(None, sentences))


def _comparable(rows, defence):
    """The rows of a defence and of none whose attack and seed all their thieves have."""
    rows = [row for row in rows if row["defence"] in ("none", defence)]
    thieves = group_rows(rows, "defence", "adversary").values()
    common = set.intersection(
        *({(row["attack"], row["seed"]) for row in group} for group in thieves))
    return [row for row in rows if (row["attack"], row["seed"]) in common]


def _sentences_on(defence, rows, budget):
    if not rows:
        return ""
    best, best_undefended = (strongest(rows, name) for name in (defence, "none"))
    undefended = ""
    if best_undefended:
        undefended = (f", on the undefended victim ({best_undefended}) "
                      f"{best_undefended.agreement:.3f}")
    seeds = len(distinct(rows, "seed"))
    return (f"{_weaker_thieves(defence, rows, budget)}"
            f"The strongest thief tried on {defence} ({best}) reaches {best.agreement:.3f}"
            f"{undefended}.{_lost_labels(defence, rows)} "
            f"(Agreement with {reference(rows[0])} on test data, {budget} queries, mean of "
            f"{seeds} seed{'s' * (seeds > 1)}.)")


def _weaker_thieves(defence, rows, budget):
    """A sentence on the naive thief and on the one that uses only labels."""
    naive = strongest(rows, defence, "probabilities")
    undefended = strongest(rows, "none", "probabilities")
    labels = strongest(rows, defence, "labels")
    clauses = []
    if naive and undefended:
        verb = "falls" if naive.agreement < undefended.agreement else "does not fall"
        clauses.append(f"the thief's agreement {verb} from {undefended.agreement:.3f} undefended "
                       f"to {naive.agreement:.3f} under {defence}")
    elif naive:
        clauses.append(f"the thief of {defence} reaches an agreement of {naive.agreement:.3f}")
    if labels:
        clauses.append(f"a thief that uses only labels reaches {labels.agreement:.3f}")
    return f"With {budget} queries {'; '.join(clauses)}. " if clauses else ""


def _lost_labels(defence, rows):
    """What a defence that does not keep the label does to the victim itself."""
    row = next(row for row in rows if row["defence"] == defence)
    if not row["label_changes_test"]:  # None of them, or unknown.
        return ""
    return (f" But {defence} changes the labels of {row['label_changes_test']} test rows: the "
            f"victim's own accuracy goes from {row['victim_accuracy_clean']:.3f} to "
            f"{row['victim_accuracy_defended']:.3f}.")
