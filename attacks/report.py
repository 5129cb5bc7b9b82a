"""Tables and sentences, made from the results of cells alone."""

import csv
import io
import os
import pathlib
from typing import Any, NamedTuple

import numpy as np

from attacks import figure
from attacks.agreement import agreement
from attacks.agreement import reference
from attacks.results import read_cells
from models.files import write_atomically

# The first columns are a fixed interface; further ones may follow in any later version.
COLUMNS = ("dataset", "victim", "defence", "attack", "adversary", "budget", "seed",
           "agreement_clean", "agreement_defended", "clone_accuracy", "victim_accuracy_clean",
           "victim_accuracy_defended", "noise_kl_nats", "noise_l1", "label_changes", "queries_used",
           "train_seconds", "noise_kl_bits", "noise_kl_reverse_nats", "noise_kl_reverse_bits",
           "label_changes_test", "agreement_validation", "steps", "clone_digest", "id",
           "agreement_held_out", "clone_kl_nats", "transferability", "transferability_noise")


def write(directory: str | os.PathLike) -> None:
    """Writes `summary.csv` and `agreement.png` into a results directory.

    Raises:
        ValueError: If it holds no results.
    """
    flat = rows(directory)
    write_summary(flat, directory)
    figure.draw(flat, directory)


def text(directory: str | os.PathLike) -> str:
    """The table, the closing sentences, and where the files are that `write` has written."""
    flat = rows(directory)
    files = f"Written: summary.csv and agreement.png in {directory}"
    return "\n\n".join(filter(None, (table(flat), sentences(flat), files)))


def rows(directory: str | os.PathLike) -> list[dict[str, Any]]:
    """The results of a directory as flat rows of `COLUMNS`.

    A member that was spelled in several ways gets the first one, so that it is one member.

    Raises:
        ValueError: If there are none.
    """
    flat, spelling = [], {}
    for record in read_cells(directory):
        cell = record["cell"]
        members = {
            kind: spelling.setdefault((kind, repr(cell["resolved"][kind])), cell[kind])
            for kind in ("defence", "attack", "adversary")
        }
        available = {
            **record["metrics"],
            **cell,
            **members,
            "id": record["id"],
            "dataset": record["dataset"]["name"],
            "victim": record["victim"]["name"],
            "queries_used": record["queries_used"],
            "train_seconds": record["clone"]["train_seconds"],
            "steps": record["clone"]["steps"],
            "clone_digest": record["clone"]["digest"],
        }
        flat.append({column: available.get(column) for column in COLUMNS})
    if not flat:
        raise ValueError(f"A results directory must hold cells/*.json. Received: {directory}")
    return flat


def write_summary(flat: list[dict[str, Any]], directory: str | os.PathLike) -> pathlib.Path:
    """Writes `summary.csv`: a line per cell, numbers in full precision."""
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(flat)
    path = pathlib.Path(directory, "summary.csv")
    write_atomically(path, buffer.getvalue(), overwrite=True)
    return path


def table(flat: list[dict[str, Any]]) -> str:
    """`agreement`, means over seeds: a line per thief, a column per budget.

    Where a thief has fewer seeds than another, their number stands behind the mean.
    """
    budgets = sorted({row["budget"] for row in flat})
    cells = _by(flat, "defence", "attack", "adversary", "budget")
    seeds = max(map(len, cells.values()))
    lines = [("defence", "attack", "adversary", *map(str, budgets))]
    for thief in _by(flat, "defence", "attack", "adversary"):
        means = (_entry(cells.get((*thief, budget), []), seeds) for budget in budgets)
        lines.append((*thief, *means))
    widths = [max(map(len, column)) for column in zip(*lines)]
    drawn = [_aligned(line, widths) for line in lines]
    drawn.insert(1, "-" * len(drawn[0]))
    if any("(" in entry for line in lines[1:] for entry in line[3:]):
        drawn.append(f"(n): mean of n seeds instead of {seeds}")
    return "\n".join(drawn)


def sentences(flat: list[dict[str, Any]]) -> str:
    """What the results say in plain words, at the largest budget, for every defence.

    Only attacks and seeds that all compared thieves have are counted. Of several attacks, each
    thief's best one is told: chosen on the evaluator's validation split, reported on test.
    """
    budget = max(row["budget"] for row in flat)
    flat = [row for row in flat if row["budget"] == budget]
    defences = [defence for defence in _values(flat, "defence") if defence != "none"]
    said = filter(None, (_sentence(flat, defence, budget) for defence in defences))
    return " ".join(said)


def _sentence(flat, defence, budget):
    flat = [row for row in flat if row["defence"] in ("none", defence)]
    thieves = _by(flat, "defence", "adversary").values()
    common = set.intersection(*({(row["attack"], row["seed"]) for row in rows} for rows in thieves))
    flat = [row for row in flat if (row["attack"], row["seed"]) in common]
    if not flat:
        return ""
    seeds = _values(flat, "seed")
    naive = strongest(flat, defence, "probabilities")
    undefended = strongest(flat, "none", "probabilities")
    labels = strongest(flat, defence, "labels")
    best = strongest(flat, defence)
    queries = f"With {budget} queries"
    if naive and undefended:
        verb = "falls" if naive.agreement < undefended.agreement else "does not fall"
        said = (f"{queries} the thief's agreement {verb} from {undefended.agreement:.3f} "
                f"undefended to {naive.agreement:.3f} under {defence}")
    elif naive:
        said = f"{queries} the thief of {defence} reaches an agreement of {naive.agreement:.3f}"
    else:
        said = f"{queries} against {defence}"
    if labels:
        said += f"; a thief that uses only labels reaches {labels.agreement:.3f}"
    return (f"{said}. The strongest thief tried on {defence} ({best.adversary}, "
            f"{best.attack}) reaches {best.agreement:.3f}.{_lost_labels(flat, defence)} "
            f"(Agreement with {reference(flat[0])} on test data, mean of {len(seeds)} "
            f"seed{'s' * (len(seeds) > 1)}.)")


def _lost_labels(flat, defence):
    """What a defence that does not keep the label does to the victim itself."""
    row = next(row for row in flat if row["defence"] == defence)
    if not row["label_changes_test"]:  # None of them, or unknown.
        return ""
    return (f" But {defence} changes the labels of {row['label_changes_test']} test rows: the "
            f"victim's own accuracy goes from {row['victim_accuracy_clean']:.3f} to "
            f"{row['victim_accuracy_defended']:.3f}.")


class Thief(NamedTuple):
    """A thief, and its mean agreements over the seeds, on validation and on test."""
    validation: float
    agreement: float
    attack: str
    adversary: str


def strongest(flat: list[dict[str, Any]],
              defence: str,
              adversary: str | None = None) -> Thief | None:
    """The thief of the highest mean agreement on the evaluator's validation split."""
    thieves = [
        Thief(_mean(row["agreement_validation"]
                    for row in rows), _mean(map(agreement, rows)), attack, name)
        for (against, attack, name), rows in _by(flat, "defence", "attack", "adversary").items()
        if against == defence and adversary in (None, name)
    ]
    return max(thieves, key=lambda thief: thief.validation, default=None)


def _by(flat, *columns):
    """Groups rows by the values of columns, in the order of their first occurrence."""
    groups = {}
    for row in flat:
        groups.setdefault(tuple(row[column] for column in columns), []).append(row)
    return groups


def _values(flat, column):
    return [value for value, in _by(flat, column)]


def _mean(values):
    return float(np.mean(list(values)))


def _entry(rows, seeds):
    if not rows:
        return "-"
    mean = f"{_mean(map(agreement, rows)):.3f}"
    return mean if len(rows) == seeds else f"{mean} ({len(rows)})"


def _aligned(line, widths):
    left = [cell.ljust(width) for cell, width in zip(line[:3], widths)]
    right = [cell.rjust(width) for cell, width in zip(line[3:], widths[3:])]
    return "  ".join(left + right)
