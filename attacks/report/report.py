"""Tables and sentences, made from the results of cells alone."""

import csv
import io
import os
import pathlib
from typing import Any

from attacks.evaluation.agreement import agreement
from attacks.evaluation.agreement import reference
from attacks.report import comparison
from attacks.report import figure
from attacks.report.strongest import by
from attacks.report.strongest import mean
from attacks.report.strongest import rows_of_strongest
from attacks.report.strongest import strongest
from attacks.report.text_table import aligned
from attacks.results.records import read_cells
from models.processes.files import write_atomically

# The first columns are a fixed interface; further ones may follow in any later version.
COLUMNS = ("dataset", "victim", "defence", "attack", "adversary", "budget", "seed",
           "agreement_clean", "agreement_defended", "clone_accuracy", "victim_accuracy_clean",
           "victim_accuracy_defended", "noise_kl_nats", "noise_l1", "label_changes", "queries_used",
           "train_seconds", "noise_kl_bits", "noise_kl_reverse_nats", "noise_kl_reverse_bits",
           "label_changes_test", "agreement_validation", "steps", "clone_digest", "id",
           "agreement_held_out", "clone_kl_nats", "transferability", "transferability_noise",
           "is_strongest")


def write(directory: str | os.PathLike) -> None:
    """Writes `summary.csv`, `comparisons.csv` and `agreement.png` into a results directory.

    Raises:
        ValueError: If it holds no results.
    """
    flat = rows(directory)
    write_summary(flat, directory)
    comparison.write(flat, directory)
    figure.draw(flat, directory)


def text(directory: str | os.PathLike) -> str:
    """The table, the closing sentences, and where the files are that `write` has written."""
    flat = rows(directory)
    files = f"Written: summary.csv, comparisons.csv and agreement.png in {directory}"
    parts = (table(flat), comparison.text(flat), sentences(flat), files)
    return "\n\n".join(filter(None, parts))


def rows(directory: str | os.PathLike) -> list[dict[str, Any]]:
    """The results of a directory as flat rows of `COLUMNS`.

    A member that was spelled in several ways gets the first one, so that it is one member. What an
    older result does not tell is None.

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
    strong = {row["id"] for row in rows_of_strongest(flat)}
    return [{**row, "is_strongest": row["id"] in strong} for row in flat]


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

    The strongest thief of each defence and budget comes first. Where a thief has fewer seeds than
    another, their number stands behind the mean.
    """
    budgets = sorted({row["budget"] for row in flat})
    cells = by(flat, "defence", "attack", "adversary", "budget")
    seeds = max(map(len, cells.values()))
    lines = [("defence", "attack", "adversary", *map(str, budgets))]
    heads = by(rows_of_strongest(flat), "defence", "budget")
    for defence in _values(flat, "defence"):
        entries = (_entry(heads.get((defence, budget), []), seeds) for budget in budgets)
        lines.append((defence, "strongest", "of all", *entries))
    for thief in by(flat, "defence", "attack", "adversary"):
        means = (_entry(cells.get((*thief, budget), []), seeds) for budget in budgets)
        lines.append((*thief, *means))
    drawn = aligned(lines, left=3)
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
    thieves = by(flat, "defence", "adversary").values()
    common = set.intersection(*({(row["attack"], row["seed"]) for row in rows} for rows in thieves))
    flat = [row for row in flat if (row["attack"], row["seed"]) in common]
    if not flat:
        return ""
    seeds = _values(flat, "seed")
    naive = strongest(flat, defence, "probabilities")
    undefended = strongest(flat, "none", "probabilities")
    labels = strongest(flat, defence, "labels")
    best, best_undefended = (strongest(flat, name) for name in (defence, "none"))
    said = []
    if naive and undefended:
        verb = "falls" if naive.agreement < undefended.agreement else "does not fall"
        said.append(f"the thief's agreement {verb} from {undefended.agreement:.3f} undefended to "
                    f"{naive.agreement:.3f} under {defence}")
    elif naive:
        said.append(f"the thief of {defence} reaches an agreement of {naive.agreement:.3f}")
    if labels:
        said.append(f"a thief that uses only labels reaches {labels.agreement:.3f}")
    beside = ""
    if best_undefended:
        beside = (f", on the undefended victim ({best_undefended}) "
                  f"{best_undefended.agreement:.3f}")
    first = f"With {budget} queries {'; '.join(said)}. " if said else ""
    return (f"{first}The strongest thief tried on {defence} ({best}) reaches "
            f"{best.agreement:.3f}{beside}.{_lost_labels(flat, defence)} "
            f"(Agreement with {reference(flat[0])} on test data, {budget} queries, mean of "
            f"{len(seeds)} seed{'s' * (len(seeds) > 1)}.)")


def _lost_labels(flat, defence):
    """What a defence that does not keep the label does to the victim itself."""
    row = next(row for row in flat if row["defence"] == defence)
    if not row["label_changes_test"]:  # None of them, or unknown.
        return ""
    return (f" But {defence} changes the labels of {row['label_changes_test']} test rows: the "
            f"victim's own accuracy goes from {row['victim_accuracy_clean']:.3f} to "
            f"{row['victim_accuracy_defended']:.3f}.")


def _values(flat, column):
    return [value for value, in by(flat, column)]


def _entry(rows, seeds):
    if not rows:
        return "-"
    entry = f"{mean(map(agreement, rows)):.3f}"
    return entry if len(rows) == seeds else f"{entry} ({len(rows)})"
