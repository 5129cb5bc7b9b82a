"""The table of comparisons, as text."""

from typing import Any

from attacks.report.columns.alignment import aligned
from attacks.report.columns.columns import COMPARISONS
from attacks.report.columns.columns import named

_WORDS = ("defence", "thief", "attack", "clone")
_NUMBERS = ("budget", "agreement_undefended", "agreement_defended", "difference")
_HEADS = [
    *_WORDS, *(named(COMPARISONS, name).head for name in _NUMBERS), "95% interval", "95% for all",
    named(COMPARISONS, "query_multiplier").head, "95% interval", "mixed"
]


def comparison_table(comparisons: list[dict[str, Any]]) -> str:
    """What `compare` returns as a table; empty where there is nothing to compare.

    A closing line says how many comparisons there are and what the intervals leave out.
    """
    if not comparisons:
        return ""
    lines = [_HEADS, *map(_line, comparisons)]
    if not any(compared["mixed"] for compared in comparisons):
        lines = [line[:-1] for line in lines]
    words = len(_WORDS)
    if len(set(map(_clones, comparisons))) == 1:
        words -= 1
        lines = [[*line[:words], *line[words + 1:]] for line in lines]
    return "\n".join([*aligned(lines, left=words), _closing_line(comparisons)])


def _line(compared):
    multiplier, bound = compared["query_multiplier"], compared["query_multiplier_is"]
    return (compared["defence"], compared["kind"], compared["attack"], _clones(compared),
            str(compared["budget"]), f"{compared['agreement_undefended']:.3f}",
            f"{compared['agreement_defended']:.3f}", f"{compared['difference']:+.3f}",
            _ends(compared, "difference_{}_95",
                  "+.3f"), _ends(compared, "difference_{}_all_95", "+.3f"),
            "-" if multiplier is None else f"{bound.replace('=', '')}{multiplier:.2g} x",
            _ends(compared, "query_multiplier_{}_95", ".2g"), compared["mixed"] or "-")


def _clones(compared):
    """The architectures of the clones, undefended and defended, or the one of both."""
    sides = (compared["undefended_clone"], compared["defended_clone"])
    return ", ".join(dict.fromkeys(side or "-" for side in sides))


def _ends(compared, name, form):
    """An interval in words; an end without a bound is left out."""
    low, high = (compared[name.format(end)] for end in ("low", "high"))
    if low is None and high is None:
        return "-"
    if low is None or high is None:
        return f"<{high:{form}}" if low is None else f">{low:{form}}"
    return f"{low:{form}} to {high:{form}}"


def _closing_line(comparisons):
    count = len(comparisons)
    line = (
        f"{count} comparison{'s' * (count > 1)}: the intervals \"for all\" hold for all of them "
        "at once (Bonferroni).")
    left_out = dict.fromkeys(compared["leaves_out"] for compared in comparisons)
    names = dict.fromkeys(name for names in left_out for name in names.split("; ") if name)
    if not names:
        return line
    return f"{line} Not covered by some or all of them: how {' and '.join(names)} vary."
