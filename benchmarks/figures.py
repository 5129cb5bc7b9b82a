"""Whether two runs of one grid have the same figures, to within the spread of their seeds.

  python -m benchmarks.figures DIR DIR

For each thief, over the cells that both have: the mean difference of the agreements, the root mean
square of the differences, the largest of them, and the root mean square of the differences between
two seeds of the first run. Where the second is not above the last, rounding or hardware changes no
more than another seed does.

How far rounding alone moves the figures of a machine is measured by two runs that attack one given
victim, which TensorFlow computes with oneDNN or without:

  TF_ENABLE_ONEDNN_OPTS=1 python -m attacks.run --flagfile=attacks/configs/rounding.flags ...
  TF_ENABLE_ONEDNN_OPTS=0 python -m attacks.run --flagfile=attacks/configs/rounding.flags ...
"""
import collections
import itertools
from typing import Any

import numpy as np

from attacks.report.rows.mixtures import mixture_sentences
from attacks.report.rows.rows import agreement
from attacks.report.rows.summary import summary_rows
from attacks.results.records import read_cells
from revsig_keras.cli import program


def main(first: str, second: str):
    records = [read_cells(directory) for directory in (first, second)]
    rows = compare(*map(agreements, records))
    width = max(len(row[0]) for row in rows)
    print(f"{'':{width}} cells    mean     rms  largest  seeds' rms")
    for name, cells, mean, between, largest, seeds in rows:
        print(f"{name:{width}} {cells:5} {mean:+.4f}  {between:.4f}   {largest:.4f}  {seeds:10.4f}")
    if mixed := mixture_sentences(summary_rows(sum(records, []))):
        print(f"\n{mixed}")


def agreements(records: list[dict[str, Any]]) -> dict[tuple, float]:
    """Agreement by (defence, attack, adversary, budget, seed)."""
    return {_key(record["cell"]): agreement(record["metrics"]) for record in records}


def _key(cell):
    return tuple(cell[name] for name in ("defence", "attack", "adversary", "budget", "seed"))


def compare(first: dict[tuple, float], second: dict[tuple, float]) -> list[tuple]:
    """Returns a row for each thief and one for all: its name, the number of cells, the mean
    difference second - first, the root mean square of the differences, the largest one, and the
    root mean square of those between two seeds of `first`."""
    common = sorted(first.keys() & second.keys())
    if not common:
        raise ValueError("The directories must have cells in common. Received: none")
    by_thief = collections.defaultdict(list)
    for cell in common:
        by_thief[", ".join(cell[:3])].append(cell)
    by_thief["all"] = common
    return [_row(name, cells, first, second) for name, cells in by_thief.items()]


def _row(name, cells, first, second):
    points = {cell[:-1]: [] for cell in cells}
    for cell, value in first.items():
        if cell[:-1] in points:
            points[cell[:-1]].append(value)
    differences = [second[cell] - first[cell] for cell in cells]
    seeds = [a - b for point in points.values() for a, b in itertools.combinations(point, 2)]
    largest = float(np.abs(differences).max())
    return name, len(cells), float(np.mean(differences)), _rms(differences), largest, _rms(seeds)


def _rms(values):
    return float(np.sqrt(np.mean(np.square(values)))) if values else float("nan")


if __name__ == "__main__":
    program.run(main, "DIR", "DIR")
