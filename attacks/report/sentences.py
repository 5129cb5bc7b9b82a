"""The closing sentences: what the results say, in plain words."""

from typing import Any

from attacks.report.rows.rows import defences_of
from attacks.report.rows.rows import distinct
from attacks.report.rows.rows import group_rows
from attacks.report.rows.rows import mean_of
from attacks.report.rows.rows import reference
from attacks.report.rows.rows import replicates_of
from attacks.report.rows.rows import thieves_only
from attacks.report.rows.rows import VICTIM
from attacks.report.rows.strongest import strongest
from attacks.report.rows.strongest import strongest_alike
from attacks.report.rows.strongest import thieves_on_both
from attacks.report.statistics.per_row import PerRow
from attacks.report.statistics.replicates import estimate_difference
from attacks.report.statistics.replicates import paired

Rows = list[dict[str, Any]]


def closing_sentences(rows: Rows, per_row: PerRow | None = None) -> str:
    """Sentences on each defence, at the largest budget; empty without a defence.

    The strongest thief tried is named first, whatever it needs. What the defence costs is told by
    thieves of one kind, see `attacks.report.rows.strongest.strongest_alike`: the same attack, and
    the same adversaries and replicates on the undefended and the defended victim.

    Args:
        rows: Rows as `attacks.report.rows.summary.summary_rows` gives them.
        per_row: The agreement by test row. Defaults to unknown.
    """
    budget = max(distinct(rows, "budget"))
    rows = [row for row in thieves_only(rows) if row["budget"] == budget]
    sentences = (
        _sentences_on(defence, rows, budget, per_row or PerRow()) for defence in defences_of(rows))
    return " ".join(sentences)


def _sentences_on(defence, rows, budget, per_row):
    mine = [row for row in rows if row["defence"] in ("none", defence)]
    best = strongest(mine, defence)
    return " ".join(
        filter(None, [
            _naive(defence, mine, budget, best.attack),
            _strongest(defence, mine, best, per_row),
            _lost_labels(defence, mine),
            f"(Agreement with {reference(mine[0])} on test data, {budget} queries, mean of "
            f"{_replicates(best, mine, defence)}.)",
        ]))


def _naive(defence, rows, budget, attack):
    """A sentence on the naive thief and on the one that uses only labels, both of one attack."""
    rows = [row for row in rows if row["attack"] == attack]
    naive = strongest(rows, defence, "probabilities")
    alike = strongest_alike([row for row in rows if row["adversary"] == "probabilities"], defence)
    labels = strongest(rows, defence, "labels")
    clauses = []
    if alike:
        undefended, defended = alike
        verb = "falls" if defended.agreement < undefended.agreement else "does not fall"
        by = (f"{defended} on both victims"
              if undefended.name == defended.name else f"{undefended}; {defended}")
        clauses.append(f"the thief's agreement {verb} from {undefended.agreement:.3f} undefended "
                       f"to {defended.agreement:.3f} under {defence} ({by})")
    elif naive:
        clauses.append(f"the thief of {defence} ({naive}) reaches {naive.agreement:.3f}")
    if labels:
        clauses.append(f"a thief that uses only labels reaches {labels.agreement:.3f}")
    return f"With {budget} queries {'; '.join(clauses)}." if clauses else ""


def _strongest(defence, rows, best, per_row):
    sentence = f"The strongest thief tried on {defence} ({best}) reaches {best.agreement:.3f}."
    alike = strongest_alike(rows, defence)
    if not alike:
        return sentence
    undefended, defended = alike
    both = thieves_on_both(rows, defence)
    before, after = ([row
                      for row in thief.rows(both)
                      if row["defence"] == name]
                     for thief, name in ((undefended, "none"), (defended, defence)))
    difference = estimate_difference(*paired(before, after), per_row).estimate
    ends = difference.difference_interval()
    interval = f", 95% interval {ends[0]:+.3f} to {ends[1]:+.3f}" if ends else ""
    tried = ", ".join(
        distinct((row for row in both if row["attack"] == defended.attack), "adversary"))
    return (f"{sentence} With {defended.attack} and the adversaries tried on both victims "
            f"({tried}), the strongest thief reaches {undefended.agreement:.3f} undefended "
            f"({undefended}) and {defended.agreement:.3f} defended ({defended}): a difference of "
            f"{difference.mean:+.3f}{interval}.")


def _replicates(thief, rows, defence):
    """Over how many seeds, or replicates of several victims, the sentences are means."""
    mine = [row for row in thief.rows(rows) if row["defence"] == defence]
    both = [row for row in thieves_on_both(rows, defence) if row["defence"] == defence]
    victims = len(group_rows(mine, *VICTIM))
    count, common = (len(replicates_of(group)) for group in (mine, both))
    plural = "s" if count > 1 else ""
    text = f"{count} seed{plural}" if victims == 1 else (
        f"{count} replicate{plural} of {victims} victims")
    return text if common in (0, count) else f"{text}, on both victims of {common}"


def _lost_labels(defence, rows):
    """What a defence that does not keep the label does to the victims themselves."""
    victims = group_rows((row for row in rows if row["defence"] == defence), *VICTIM).values()
    firsts = [group[0] for group in victims]
    if not (changes := mean_of(firsts, "label_changes_test")):  # None of them, or unknown.
        return ""
    of = f", the mean of {len(firsts)} victims" if len(firsts) > 1 else ""
    return (f"But {defence} changes the labels of {changes:g} test rows{of}: the victim's own "
            f"accuracy goes from {mean_of(firsts, 'victim_accuracy_clean'):.3f} to "
            f"{mean_of(firsts, 'victim_accuracy_defended'):.3f}.")
