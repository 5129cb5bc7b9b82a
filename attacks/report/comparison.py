"""What a defence costs a thief: differences that are paired by seed, and query multipliers."""

from typing import Any

from attacks.report.alignment import aligned
from attacks.report.columns import COMPARISONS
from attacks.report.columns import named
from attacks.report.mixtures import mixture
from attacks.report.rows import agreement
from attacks.report.rows import defences_of
from attacks.report.rows import group_rows
from attacks.report.statistics import mean
from attacks.report.statistics import paired_difference
from attacks.report.statistics import query_multiplier
from attacks.report.strongest import rows_of_strongest

_HEADS = [
    named(COMPARISONS, name).head
    for name in ("defence", "thief", "budget", "agreement_undefended", "agreement_defended",
                 "difference", "query_multiplier", "mixed")
]
_HEADS.insert(6, "95% interval")


def compare(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Compares each defence with none, thief by thief and budget by budget.

    The naive thief is compared with the naive one, for each attack, and the strongest with the
    strongest, where each side has its own strongest thief for a budget. Only seeds that both sides
    have count: equal seeds have the same queries (of an attack that does not adapt) and the same
    initial weights. Hence the difference is taken seed by seed.

    Args:
        rows: Rows as `attacks.report.summary.summary_rows` gives them.

    Returns:
        Rows of the columns `COMPARISONS`.
    """
    naive = [row for row in rows if row["adversary"] == "probabilities"]
    thieves = {
        f"naive, {attack}": group for (attack,), group in group_rows(naive, "attack").items()
    }
    thieves["strongest"] = rows_of_strongest(rows)
    return [
        compared for defence in defences_of(rows) for thief, group in thieves.items()
        for compared in _compare_thief(group, defence, thief)
    ]


def comparison_table(comparisons: list[dict[str, Any]]) -> str:
    """What `compare` returns as a table; empty where there is nothing to compare."""
    if not comparisons:
        return ""
    lines = [_HEADS, *map(_line, comparisons)]
    if not any(compared["mixed"] for compared in comparisons):
        lines = [line[:-1] for line in lines]
    return "\n".join(aligned(lines, left=2))


def _compare_thief(rows, defence, thief):
    """The comparisons of one kind of thief: a row for each budget that both sides have."""
    pairs = _pairs(rows, defence)
    budgets = list(pairs)
    agreements = {budget: [list(map(agreement, side)) for side in sides]
                  for budget, sides in pairs.items()}  # yapf: disable
    curves = [[mean(agreements[budget][side]) for budget in budgets] for side in (0, 1)]
    for budget, level, defended_level in zip(budgets, *curves):
        undefended, defended = pairs[budget]
        difference = paired_difference(*agreements[budget])
        multiplier, bound = query_multiplier(budgets, *curves, budget)
        yield {
            "defence": defence,
            "thief": thief,
            "budget": budget,
            "seeds": len(undefended),
            "undefended_by": _thief_name(undefended),
            "defended_by": _thief_name(defended),
            "agreement_undefended": level,
            "agreement_defended": defended_level,
            "difference": difference.mean,
            "difference_low_95": difference.low,
            "difference_high_95": difference.high,
            "query_multiplier": multiplier,
            "query_multiplier_is": bound,
            "mixed": mixture([*undefended, *defended]),
        }


def _pairs(rows, defence):
    """By budget: the undefended and the defended rows of the seeds that both sides have."""
    undefended, defended = (group_rows([row for row in rows if row["defence"] == name], "budget",
                                       "seed") for name in ("none", defence))
    pairs = {}
    for budget, seed in sorted(undefended.keys() & defended.keys()):
        sides = pairs.setdefault(budget, ([], []))
        sides[0].append(undefended[budget, seed][-1])
        sides[1].append(defended[budget, seed][-1])
    return pairs


def _thief_name(rows):
    return f"{rows[0]['adversary']}, {rows[0]['attack']}"


def _line(compared):
    low, high = compared["difference_low_95"], compared["difference_high_95"]
    bound = compared["query_multiplier_is"].replace("=", "")
    return (compared["defence"], compared["thief"], str(compared["budget"]),
            f"{compared['agreement_undefended']:.3f}", f"{compared['agreement_defended']:.3f}",
            f"{compared['difference']:+.3f}", "-" if low is None else f"{low:+.3f} to {high:+.3f}",
            f"{bound}{compared['query_multiplier']:.2g} x", compared["mixed"] or "-")
