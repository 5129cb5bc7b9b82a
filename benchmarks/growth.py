"""How time and memory of a run grow with its budget and with its cells."""
import contextlib
import dataclasses
import functools
import json
import pathlib
import tempfile
from typing import Callable

import numpy as np

from benchmarks import comparison
from benchmarks.startup import call

BUDGETS, CELLS = (1_000, 10_000, 100_000), (10, 100, 1_000)
# The rows of the data, whatever the budget: 40% of the 80% that are no test rows are the pool.
ROWS, WIDTH = {"budget": 320_000, "cells": 1_000}, {"budget": 64, "cells": 16}
BATCH, EPOCHS = 32, 10
# How often a run is made whose time is so short that noise matters; the fastest counts.
REPEATS = 3


@dataclasses.dataclass(frozen=True)
class Cost:
    """What a run took, without the start of Python and TensorFlow.

    Attributes:
        seconds: The shortest time of its repeats.
        megabytes: The largest memory that its process had, of the smallest of its repeats.
    """
    seconds: float
    megabytes: float


def cases(quick: bool, stack: contextlib.ExitStack) -> list[comparison.Fact]:
    """All rows of this file.

    Args:
        quick: Whether a first look is enough.
        stack: Ends what the cases need.
    """
    kinds = {"budget": (BUDGETS, flags_of_budget), "cells": (CELLS, flags_of_cells)}
    rows = []
    for kind, (sizes, flags_of) in kinds.items():
        sizes = sizes[:2] if quick else sizes
        repeats = {size: 1 if quick or size == sizes[-1] else REPEATS for size in sizes}
        cost = functools.cache(functools.partial(_cost, Data(kind, stack), flags_of, repeats))
        rows += [
            comparison.Fact(f"growth/{kind}={size}/memory", 1.1, "MB",
                            functools.partial(_memory, cost, less, size))
            for less, size in zip(sizes, sizes[1:])
        ]
        if not quick:
            rows.append(
                comparison.Fact(f"growth/{kind}={sizes[-1]}/time", 1.2, "ms",
                                functools.partial(_time, cost, *sizes)))
    return rows


def _memory(cost, less, more):
    return cost(more).megabytes, cost(less).megabytes


def _time(cost, least, middle, most):
    """Milliseconds that each more costs, from the middle to the most and from the least on."""

    def each(start, end):
        return 1e3 * (cost(end).seconds - cost(start).seconds) / (end - start)

    return each(middle, most), each(least, middle)


class Data:
    """Vectors in a file, written once.

    Args:
        kind: `budget` or `cells`, which says how many.
        stack: Removes them.
    """

    def __init__(self, kind: str, stack: contextlib.ExitStack):
        self._kind, self._stack = kind, stack

    @functools.cached_property
    def path(self) -> pathlib.Path:
        """Of the file."""
        path = pathlib.Path(self._stack.enter_context(tempfile.TemporaryDirectory()), "data.npz")
        rows = ROWS[self._kind]
        x = np.random.default_rng(rows).random((rows, WIDTH[self._kind]), np.float32)
        np.savez(path, x=x, y=np.arange(rows) % 10)
        return path


def flags_of_budget(budget: int) -> list[str]:
    """One cell of so many queries, all of them trained on as often."""
    return [
        f"--budgets={budget}", "--seeds=0", "--defences=reverse_sigmoid",
        f"--steps={EPOCHS * budget // BATCH}"
    ]


def flags_of_cells(count: int) -> list[str]:
    """So many cells, two of each budget and seed, that hardly train."""
    budgets = [10 * place for place in range(1, 1 + min(10, count // 10))]
    seeds = range(count // 2 // len(budgets))
    return [
        f"--budgets={','.join(map(str, budgets))}", f"--seeds={','.join(map(str, seeds))}",
        "--defences=none,reverse_sigmoid", "--steps=1"
    ]


def _cost(data: Data, flags_of: Callable[[int], list[str]], repeats: dict[int, int],
          size: int) -> Cost:
    runs = [_run(data.path, flags_of(size)) for _ in range(repeats[size])]
    return Cost(min(run["seconds"] for run in runs), min(run["megabytes"] for run in runs))


def _run(path, arguments):
    with tempfile.TemporaryDirectory() as folder:
        said = call("-m", "benchmarks.whole_run", f"--dataset=npz:{path}",
                    f"--output_dir={folder}/run", "--victim_architecture=mlp", "--victim_steps=1",
                    "--clone_architecture=mlp", "--adversaries=probabilities", *arguments)
    return json.loads(said)
