"""What a defence costs a thief: paired differences, and query multipliers."""

from collections.abc import Iterator
import dataclasses
from typing import Any

import numpy as np

from attacks.report.columns.columns import COMPARISONS
from attacks.report.rows.mixtures import mixture
from attacks.report.rows.rows import agreement
from attacks.report.rows.rows import defences_of
from attacks.report.rows.rows import group_rows
from attacks.report.rows.rows import has_several_clones
from attacks.report.rows.rows import mean_agreement
from attacks.report.rows.rows import REPLICATE
from attacks.report.rows.rows import thief_name
from attacks.report.rows.strongest import strongest_alike
from attacks.report.statistics.multiplier import multiplier_intervals
from attacks.report.statistics.multiplier import query_multiplier
from attacks.report.statistics.multiplier import says_nothing
from attacks.report.statistics.per_row import PerRow
from attacks.report.statistics.replicates import drawn_together
from attacks.report.statistics.replicates import estimate_difference
from attacks.report.statistics.replicates import group_means
from attacks.report.statistics.replicates import paired

Rows = list[dict[str, Any]]


@dataclasses.dataclass(frozen=True)
class Pair:
    """The rows of one budget that are compared, replicate by replicate."""
    undefended: Rows
    defended: Rows


def compare(rows: Rows, per_row: PerRow | None = None, confidence: float = 0.95) -> Rows:
    """Compares each defence with none, thief by thief and budget by budget.

    Like is compared with like: the naive thief with the naive one, for each attack; and the
    strongest with the strongest of the same attack, both chosen among the adversaries that were
    tried on both victims. Only replicates that both sides have count: equal seeds have the same
    queries (of an attack that does not adapt) and the same initial weights. Hence the difference
    is taken replicate by replicate and, where they are known, test row by test row.

    Args:
        rows: Rows as `attacks.report.rows.summary.summary_rows` gives them.
        per_row: The agreement by test row. Defaults to unknown.
        confidence: That of the intervals of query multipliers, whose columns are named for 95%.

    Returns:
        Rows of the columns `COMPARISONS`.
    """
    per_row, names_clone = per_row or PerRow(), has_several_clones(rows)
    found = [{
        "defence": defence,
        "thief": thief,
        "kind": thief.partition(",")[0],
        "budget": budget,
        **_described(pair, names_clone),
        **multiplier,
        "sample": estimate_difference(pair.undefended, pair.defended, per_row),
    }
             for defence in defences_of(rows)
             for thief, pairs in _curves(rows, defence, names_clone).items()
             for budget, pair, multiplier in _with_multipliers(pairs, confidence)]
    return [_compared(entries, len(found)) for entries in found]


def _curves(rows, defence, names_clone):
    """By thief, the pairs by budget."""
    naive = [row for row in rows if row["adversary"] == "probabilities"]
    curves = {}
    for group in group_rows(naive, "attack", "clone_architecture").values():
        name = thief_name(group[0], names_clone).replace("probabilities", "naive", 1)
        curves[name] = _pairs(group, defence)
    curves["strongest"] = {}
    for (budget,), group in sorted(group_rows(rows, "budget").items()):
        if chosen := strongest_alike(group, defence):
            alike = [
                row for thief, name in zip(chosen, ("none", defence)) for row in thief.rows(group)
                if row["defence"] == name
            ]
            curves["strongest"].update(_pairs(alike, defence))
    return {name: pairs for name, pairs in curves.items() if pairs}


def _pairs(rows, defence):
    """By budget, the pair of the replicates that both sides have."""
    pairs = {}
    for (budget,), group in sorted(group_rows(rows, "budget").items()):
        sides = ([row for row in group if row["defence"] == name] for name in ("none", defence))
        pairs[budget] = Pair(*paired(*sides))
    return {budget: pair for budget, pair in pairs.items() if pair.undefended}


def _with_multipliers(pairs: dict[int, Pair],
                      confidence: float) -> Iterator[tuple[int, Pair, dict[str, Any]]]:
    """The budgets, their pairs, and the columns of the query multipliers."""
    budgets = list(pairs)
    curves = [[mean_agreement(side)
               for side in sides]
              for sides in zip(*((pair.undefended, pair.defended) for pair in pairs.values()))]
    intervals = _intervals(pairs, confidence)
    for (budget, pair), (low, high) in zip(pairs.items(), intervals):
        multiplier, bound = query_multiplier(budgets, *curves, budget)
        if says_nothing(multiplier, bound):
            multiplier, bound, low, high = None, "", None, None
        yield budget, pair, {
            "query_multiplier": multiplier,
            "query_multiplier_is": bound,
            "query_multiplier_low_95": low,
            "query_multiplier_high_95": high,
        }


def _intervals(pairs, confidence):
    """The widest interval of each budget's multiplier, over the factors that vary."""
    first, *others = ([[row[column]
                        for column in REPLICATE]
                       for row in pair.undefended]
                      for pair in pairs.values())
    groupings = drawn_together(next(iter(pairs.values())).undefended)
    if not groupings or any(other != first for other in others):
        return [(None, None)] * len(pairs)
    sides = [
        np.array([list(map(agreement, side))
                  for side in sides]).T
        for sides in zip(*((pair.undefended, pair.defended) for pair in pairs.values()))
    ]
    found = [
        multiplier_intervals(list(pairs), *(group_means(groups, side)
                                            for side in sides), confidence)
        for groups in groupings
    ]
    return [_union(ends) for ends in zip(*found)]


def _union(ends):
    lows, highs = zip(*ends)
    return (None if None in lows else min(lows), None if None in highs else max(highs))


def _compared(entries, comparisons):
    """The columns of one comparison, whose intervals allow for the number of all of them."""
    sample = entries.pop("sample")
    low, high = sample.estimate.difference_interval() or (None, None)
    low_all, high_all = sample.estimate.difference_interval(1 - 0.05 / comparisons) or (None, None)
    columns = {
        **entries,
        "seeds": sample.seeds,
        "splits": sample.splits,
        "victims": sample.victims,
        "difference": sample.mean,
        "difference_low_95": low,
        "difference_high_95": high,
        "difference_low_all_95": low_all,
        "difference_high_all_95": high_all,
        "leaves_out": "; ".join(sample.leaves_out),
        "comparisons": comparisons,
    }
    return {column.name: columns[column.name] for column in COMPARISONS}


def _described(pair, names_clone):
    (undefended, *_), (defended, *_) = pair.undefended, pair.defended
    return {
        "attack": defended["attack"],
        "undefended_by": thief_name(undefended, names_clone),
        "defended_by": thief_name(defended, names_clone),
        "undefended_adversary": undefended["adversary"],
        "defended_adversary": defended["adversary"],
        "undefended_clone": undefended["clone_architecture"],
        "defended_clone": defended["clone_architecture"],
        "agreement_undefended": mean_agreement(pair.undefended),
        "agreement_defended": mean_agreement(pair.defended),
        "mixed": mixture([*pair.undefended, *pair.defended]),
    }
