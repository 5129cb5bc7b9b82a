"""Whether coded answers leave thieves no more than labels do: the measured half of the claim.

The other half is a theorem, see `revsig_keras.defences.coded.base.CodedDefence`. Measured, for each
coded defence and budget:

1. Undefended, the strongest thief that reads more than labels is better than the strongest that
   reads labels alone: the lower bound of the difference is above 1 point. Otherwise *labels are
   enough*, as far as these replicates tell.
2. No thief that reads more than labels gains by the coded answers: of each, the upper bound of its
   agreement less that of the strongest thief that reads labels alone is at most 1 point.
3. Honest users lose little: the upper bounds of the confidence AUROC that is lost, and of the
   calibration error that is added to decoded answers, are at most 0.01.

The claim *holds* if 2 and 3 are true; all have to be, so they need no correction (intersection and
union). It *fails* if a lower bound, corrected for the number of bounds (Bonferroni), is above the
margin, and is *undecided* otherwise: also where replicates are missing, or a difference is known
from one replicate only. Bounds are one-sided, of 95%, by Student's t, paired by
replicate. The strongest thieves are chosen on the evaluator's validation rows. A reader that is
given clean outputs of the victim is no thief: its gain is shown, and decides nothing.
"""

import dataclasses
from typing import Any

from attacks.report.columns.columns import BOUNDED_LEAK
from attacks.report.leak.coded_members import Code
from attacks.report.leak.coded_members import code_of
from attacks.report.rows.readers import is_control
from attacks.report.rows.readers import reads_labels_alone
from attacks.report.rows.readers import sees_clean
from attacks.report.rows.rows import defences_of
from attacks.report.rows.rows import group_rows
from attacks.report.rows.rows import has_several_clones
from attacks.report.rows.rows import THIEF
from attacks.report.rows.rows import thief_name
from attacks.report.rows.strongest import behind
from attacks.report.rows.strongest import highest
from attacks.report.rows.strongest import strongest
from attacks.report.statistics.bounded import Bounded
from attacks.report.statistics.bounded import CONFIDENCE
from attacks.report.statistics.losses import losses_of
from attacks.report.statistics.per_row import PerRow
from attacks.report.statistics.replicates import estimate_difference
from attacks.report.statistics.replicates import paired

Rows = list[dict[str, Any]]
HOLDS, FAILS, UNDECIDED, LABELS_ARE_ENOUGH = "holds", "fails", "undecided", "labels are enough"
# Of agreement, AUROC and calibration error alike.
MARGIN = 0.01
_UNKNOWN = Bounded("", None, 0)


@dataclasses.dataclass(frozen=True)
class Leak:
    """What is measured of one coded defence at one budget.

    Attributes:
        defence: The defence.
        budget: The budget.
        code: The family and bits of the defence.
        worth: The undefended advantage over labels: what there is to lose.
        gains: What each thief that reads more than labels gains over the strongest one that reads
            labels alone.
        strongest: The gain of the strongest of these thieves: by how much the bits help.
        reader: The gain of the strongest reader that is given clean outputs of the victim.
        losses: What honest users lose.
        is_complete: Whether no replicate of a thief is missing.
    """
    defence: str
    budget: int
    code: Code
    worth: Bounded
    gains: tuple[Bounded, ...]
    strongest: Bounded
    reader: Bounded
    losses: tuple[Bounded, ...]
    is_complete: bool = True

    @property
    def verdict(self) -> str:
        """The verdict."""
        least, bounds = self.worth.low(), (*self.gains, *self.losses)
        if not self.is_complete:
            return UNDECIDED
        if least is not None and least <= MARGIN:
            return LABELS_ARE_ENOUGH
        if least is None or not self.gains:
            return UNDECIDED
        if all(_is_at_most(one.high(), MARGIN) for one in bounds):
            return HOLDS
        corrected = 1 - (1 - CONFIDENCE) / len(bounds)
        is_above = any((one.low(corrected) or 0) > MARGIN for one in bounds)
        return FAILS if is_above else UNDECIDED

    @property
    def worst(self) -> Bounded:
        """The thief whose gain has the highest upper bound; an unknown one is the highest."""
        return max(self.gains, key=_highest, default=self.strongest)

    def describe(self) -> dict[str, Any]:
        """The row of the columns `BOUNDED_LEAK`."""
        named = {"worth": self.worth, "gain": self.strongest, "worst_gain": self.worst,
                 "reader_gain": self.reader,
                 **dict(zip(("auroc_lost", "ece_added"), self.losses))}  # yapf: disable
        values = {
            "defence": self.defence,
            "family": self.code.family,
            "bits": self.code.bits,
            "budget": self.budget,
            "verdict": self.verdict,
            "thief": self.strongest.name,
            "worst_thief": self.worst.name,
            "thieves": len(self.gains),
            "replicates": self.strongest.count,
            "victims": self.losses[0].count,
        }
        for name, one in named.items():
            values |= {name: one.mean, f"{name}_low_95": one.low(), f"{name}_high_95": one.high()}
        return {column.name: values[column.name] for column in BOUNDED_LEAK}


def bounded_leaks(rows: Rows,
                  per_row: PerRow | None = None,
                  is_complete: bool = True) -> list[Leak]:
    """What is measured of each coded defence at each budget; none where no defence is coded.

    Args:
        rows: Rows as `attacks.report.rows.summary.summary_rows` gives them.
        per_row: The agreement by test row. Defaults to unknown.
        is_complete: Whether it is known that no cell of the grid is missing. Defaults to `True`.
    """
    rows, per_row = [row for row in rows if not is_control(row)], per_row or PerRow()
    codes = {defence: code for defence in defences_of(rows) if (code := code_of(defence))}
    by_budget = sorted(group_rows(rows, "budget").items()) if codes else []
    leaks = []
    for (budget,), group in by_budget:
        worth = _worth(_of(group, "none"), per_row)
        for defence, code in codes.items():
            if mine := _of(group, defence):
                leaks.append(
                    Leak(defence, budget, code, worth, *_gains(mine, per_row), losses_of(mine),
                         is_complete and not behind(mine)))
    return leaks


def _worth(undefended, per_row):
    labels, thief = (strongest(
        [row for row in undefended if reads_labels_alone(row) == is_reference],
        "none") for is_reference in (True, False))
    if labels is None or thief is None:
        return _UNKNOWN
    return _gain(labels.rows(undefended), thief.rows(undefended), thief.name, per_row)


def _gains(rows, per_row):
    """The gains of thieves that read more than labels, of the strongest, and of a clean reader."""
    defence, names_clone = rows[0]["defence"], has_several_clones(rows)
    labels = strongest([row for row in rows if reads_labels_alone(row)], defence)
    if labels is None:
        return (), _UNKNOWN, _UNKNOWN
    reference = labels.rows(rows)
    readers = [row for row in rows if not reads_labels_alone(row)]
    thieves = [row for row in readers if not sees_clean(row)]
    gains = tuple(
        _gain(reference, group, thief_name(group[0], names_clone), per_row)
        for group in group_rows(thieves, *THIEF).values())
    given = [row for row in readers if sees_clean(row)]
    best, reader = (chosen and _gain(reference, chosen.rows(rows), chosen.name, per_row)
                    for chosen in (strongest(thieves, defence), highest(given, names_clone)))
    return gains, best or _UNKNOWN, reader or _UNKNOWN


def _gain(labels, thief, name, per_row):
    before, after = paired(labels, thief)
    # One replicate says nothing of how much replicates vary, even where its rows are known.
    estimate = estimate_difference(before, after, per_row).estimate if len(before) > 1 else None
    return Bounded(name, estimate, len(before))


def _of(rows, defence):
    return [row for row in rows if row["defence"] == defence]


def _is_at_most(bound, limit):
    return bound is not None and bound <= limit


def _highest(bounded):
    bound = bounded.high()
    return float("inf") if bound is None else bound
