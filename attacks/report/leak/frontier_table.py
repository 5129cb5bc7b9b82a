"""The table of the frontier, as text."""

from typing import Any

from attacks.report.columns.alignment import aligned
from attacks.report.columns.columns import named
from attacks.report.columns.leak_columns import FRONTIER

_WORDS = ("defence", "thief")
_FIGURES = ("agreement", "advantage", "kept", "l1", "auroc_lost", "ece_added",
            "answer_entropy_bits")
# A higher bound says nothing.
_MOST = 10
_EXPLANATION = (
    "Over labels: the agreement less that of the strongest thief that reads labels alone. Kept: "
    "the fraction of the undefended advantage over labels that the strongest thief keeps (interval "
    "by Fieller). L1, AUROC lost and ECE added: what an honest user loses by the answers as given, "
    "and in brackets as decoded. Entropy: of an answer given its label, in bits. n replicates.")


def frontier_table(rows: list[dict[str, Any]]) -> str:
    """A line for each defence and budget; empty where nothing is known.

    Args:
        rows: What `attacks.report.leak.frontier.frontier` returns.
    """
    if not rows:
        return ""
    heads = [named(FRONTIER, name).head for name in ("budget", "replicates", *_FIGURES)]
    for name in ("advantage", "kept"):
        heads.insert(heads.index(named(FRONTIER, name).head) + 1, "95% interval")
    return "\n".join([*aligned([(*_WORDS, *heads), *map(_line, rows)], left=len(_WORDS)),
                      _EXPLANATION])  # yapf: disable


def _line(row):
    entropy = row["answer_entropy_bits"]
    return (row["defence"], row["thief"], str(row["budget"]),
            str(row["replicates"]), f"{row['agreement']:.3f}", f"{row['advantage']:+.3f}",
            _ends(row, "advantage", "+.3f"), "-" if row["kept"] is None else f"{row['kept']:.0%}",
            _ends(row, "kept",
                  ".0%"), *(_loss(row, name) for name in ("l1", "auroc_lost", "ece_added")),
            "-" if entropy is None else f"{entropy:.2f}")


def _ends(row, name, form):
    low, high = row[f"{name}_low_95"], row[f"{name}_high_95"]
    if low is None:
        return "-"
    return f"{low:{form}} to {high:{form}}" if high <= _MOST else f"{low:{form}} or more"


def _loss(row, name):
    given, decoded = row[name], row[f"{name}_decoded"]
    if given is None:
        return "-"
    return f"{given:.4f}" + ("" if decoded is None else f" ({decoded:.4f})")
