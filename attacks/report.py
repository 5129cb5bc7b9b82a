"""Tables and sentences, made from the results of cells alone."""

import collections
from collections.abc import Iterable
import csv
import io
import itertools
import os
import pathlib
from typing import Any

import numpy as np

from attacks import figure
from attacks.results import read_cells
from models.files import write_atomically

# The first columns are a fixed interface; further ones may follow in any later version.
COLUMNS = ("dataset", "victim", "defence", "attack", "adversary", "budget", "seed",
           "agreement_clean", "agreement_defended", "clone_accuracy", "victim_accuracy_clean",
           "victim_accuracy_defended", "noise_kl_nats", "noise_l1", "label_changes", "queries_used",
           "train_seconds", "noise_kl_bits", "noise_kl_reverse_nats", "noise_kl_reverse_bits",
           "label_changes_test", "agreement_validation", "steps", "clone_digest", "id")


def write(directory: str | os.PathLike) -> None:
    """Writes `summary.csv` and `agreement.png` into a results directory.

    Raises:
        ValueError: If it holds no results.
    """
    flat = rows(directory)
    write_summary(flat, directory)
    figure.draw(flat, directory)


def text(directory: str | os.PathLike) -> str:
    """The table, the closing sentences, and where the files are."""
    flat = rows(directory)
    files = f"Written: summary.csv, agreement.png, run.flags and cells/ in {directory}"
    return "\n\n".join(filter(None, (table(flat), sentences(flat), files)))


def rows(directory: str | os.PathLike) -> list[dict[str, Any]]:
    """The results of a directory as flat rows of `COLUMNS`.

    Raises:
        ValueError: If there are none.
    """
    flat = []
    for record in read_cells(directory):
        available = {
            "id": record["id"],
            **record["cell"],
            "dataset": record["dataset"]["name"],
            "victim": record["victim"]["name"],
            **record["metrics"],
            "queries_used": record["queries_used"],
            "train_seconds": record["clone"]["train_seconds"],
            "steps": record["clone"]["steps"],
            "clone_digest": record["clone"]["digest"],
        }
        flat.append({column: available[column] for column in COLUMNS})
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
    """Agreement with the clean victim, means over seeds: a line per thief, a column per budget."""
    budgets = sorted({row["budget"] for row in flat})
    thieves = list(dict.fromkeys((row["defence"], row["attack"], row["adversary"]) for row in flat))
    head = ("defence", "attack", "adversary", *map(str, budgets))
    lines = [head]
    for thief in thieves:
        means = (mean(flat, "agreement_clean", *thief, budget) for budget in budgets)
        lines.append((*thief, *("-" if value is None else f"{value:.3f}" for value in means)))
    widths = [max(map(len, column)) for column in zip(*lines)]
    drawn = [_aligned(line, widths) for line in lines]
    drawn.insert(1, "-" * len(drawn[0]))
    return "\n".join(drawn)


def sentences(flat: list[dict[str, Any]]) -> str:
    """What the results say in plain words, at the largest budget, for every defence.

    Of several attacks, each thief's best one counts: chosen on the evaluator's validation split,
    reported on test.
    """
    budget = max(row["budget"] for row in flat)
    flat = [row for row in flat if row["budget"] == budget]
    seeds = len({row["seed"] for row in flat})
    said = [
        _sentence(flat, defence, budget)
        for defence in _distinct(flat, "defence")
        if defence != "none"
    ]
    if not said:
        return ""
    means = f"mean of {seeds} seed{'s' * (seeds > 1)}"
    return " ".join([*said, f"(Agreement with the clean victim on test data, {means}.)"])


def mean(flat: Iterable[dict[str, Any]], metric: str, defence: str, attack: str, adversary: str,
         budget: int) -> float | None:
    """Mean of a metric over the seeds of one cell, None where there is none."""
    values = [
        row[metric] for row in flat if (row["defence"], row["attack"], row["adversary"],
                                        row["budget"]) == (defence, attack, adversary, budget)
    ]
    return float(np.mean(values)) if values else None


def _sentence(flat, defence, budget):
    naive = _best(flat, budget, defence, "probabilities")
    undefended = _best(flat, budget, "none", "probabilities")
    labels = _best(flat, budget, defence, "labels")
    strongest = _best(flat, budget, defence)
    queries = f"With {budget} queries"
    if naive and undefended:
        verb = "falls" if naive.agreement < undefended.agreement else "does not fall"
        said = (
            f"{queries} the thief's agreement {verb} from {undefended.agreement:.3f} undefended to "
            f"{naive.agreement:.3f} under {defence}")
    elif naive:
        said = f"{queries} the thief of {defence} reaches an agreement of {naive.agreement:.3f}"
    else:
        said = f"{queries} against {defence}"
    if labels:
        said += f"; a thief that uses only labels reaches {labels.agreement:.3f}"
    return (f"{said}. The strongest thief tried on {defence} ({strongest.adversary}, "
            f"{strongest.attack}) reaches {strongest.agreement:.3f}.")


_Thief = collections.namedtuple("_Thief", "validation agreement attack adversary")


def _best(flat, budget, defence, adversary=None):
    """The thief of the highest mean agreement on the evaluator's validation split."""
    adversaries = [adversary] if adversary else _distinct(flat, "adversary")
    thieves = []
    for attack, name in itertools.product(_distinct(flat, "attack"), adversaries):
        chosen_by = mean(flat, "agreement_validation", defence, attack, name, budget)
        if chosen_by is not None:
            thieves.append(
                _Thief(chosen_by, mean(flat, "agreement_clean", defence, attack, name, budget),
                       attack, name))
    return max(thieves, key=lambda thief: thief.validation, default=None)


def _distinct(flat, column):
    return list(dict.fromkeys(row[column] for row in flat))


def _aligned(line, widths):
    left = [cell.ljust(width) for cell, width in zip(line[:3], widths)]
    right = [cell.rjust(width) for cell, width in zip(line[3:], widths[3:])]
    return "  ".join(left + right)
