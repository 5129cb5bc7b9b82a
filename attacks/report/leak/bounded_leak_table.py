"""The measured claim on coded defences, as text."""

from attacks.report.columns.alignment import aligned
from attacks.report.columns.columns import BOUNDED_LEAK
from attacks.report.columns.columns import named
from attacks.report.leak.bounded_leak import HOLDS
from attacks.report.leak.bounded_leak import LABELS_ARE_ENOUGH
from attacks.report.leak.bounded_leak import Leak
from attacks.report.leak.bounded_leak import MARGIN
from attacks.report.statistics.bounded import Bounded

_WORDS = ("defence", "strongest reader")
_FIGURES = ("worth", "gain", "worst_gain", "reader_gain", "auroc_lost", "ece_added")
_HEADS = (*_WORDS, "queries", *(named(BOUNDED_LEAK, name).head for name in _FIGURES), "n", "claim")
_EXPLANATION = (
    "Differences with their one-sided 95% bounds: the strongest thief that reads more than labels "
    "less the strongest that reads labels alone, undefended and, as bits help, of coded answers; "
    "worst: likewise for the thief of the highest bound; clean reader: for one that is given clean "
    "outputs, as no thief is. Where the undefended difference is surely more than "
    f"{MARGIN:g}, the claim holds if worst, AUROC lost and ECE added are surely at most that; "
    "n replicates.")


def bounded_leak_table(leaks: list[Leak]) -> str:
    """A line for each coded defence and budget, and the bits at which the claim holds.

    Args:
        leaks: What `attacks.report.leak.bounded_leak.bounded_leaks` found; where it is nothing, the
            text is empty.
    """
    if not leaks:
        return ""
    lines = aligned([_HEADS, *map(_line, leaks)], left=len(_WORDS))
    return "\n".join([*lines, _EXPLANATION, *_sentences(leaks)])


def _line(leak):
    figures = (leak.worth, leak.strongest, leak.worst, leak.reader, *leak.losses)
    return (leak.defence, leak.strongest.name or
            "-", str(leak.budget), *map(_entry, figures), str(leak.strongest.count), leak.verdict)


def _entry(one: Bounded):
    if one.mean is None:
        return "-"
    low, high = one.low(), one.high()
    return f"{one.mean:+.3f}" + ("" if low is None else f" [{low:+.3f}, {high:+.3f}]")


def _sentences(leaks):
    """A sentence for each family and budget: the fewest and the most bits at which it holds."""
    families: dict[tuple, list[Leak]] = {}
    for leak in leaks:
        families.setdefault((leak.code.family, leak.budget), []).append(leak)
    for (family, budget), group in families.items():
        tried = sorted(leak.code.bits for leak in group if leak.code.bits is not None)
        held = [leak.code.bits for leak in group
                if leak.verdict == HOLDS and leak.code.bits is not None]  # yapf: disable
        if not tried:
            continue
        found = "the claim is not shown to hold with any number of bits"
        if held:
            found = (f"the claim holds with {min(held)} bits at the fewest and {max(held)} at the "
                     "most")
        elif all(leak.verdict == LABELS_ARE_ENOUGH for leak in group):
            found = "labels are enough"
        yield f"{family} at {budget:,} queries: {found}, of {', '.join(map(str, tried))} tried."
