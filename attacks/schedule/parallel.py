"""Several cells at a time, in threads of one process."""

from collections.abc import Callable, Iterable, Sequence
from concurrent import futures
import os
import queue
import sys
import threading

import tensorflow as tf

from attacks.clone.clone import CloneTrainer
from attacks.grid.cell import Cell
from attacks.grid.config import RunConfig

# More threads than this were never measured.
_MOST = 8


def clones_at_once(config: RunConfig, strategy: tf.distribute.Strategy) -> int:
    """How many clones a run trains at once; says so on stderr if that is for the run to choose.

    TensorFlow hands each operation to all processor cores, of which some then wait for the others;
    the operations of another clone fill the gaps.
    """
    if config.clones_per_device is not None:
        if config.clones_per_device > 1 and strategy.num_replicas_in_sync > 1:
            raise ValueError("`--clones_per_device` must be 1 where each clone is trained on all "
                             f"devices. Received: {config.clones_per_device}")
        return config.clones_per_device
    if config.remote:
        number, why = 1, "the cells share a ledger"
    elif strategy.num_replicas_in_sync > 1:
        number, why = 1, "each clone is trained on all devices"
    elif tf.config.list_logical_devices("GPU"):
        number, why = 1, "more were never measured on a GPU"
    else:
        cores = usable_cores()
        number, why = min(cores, _MOST), f"there are {cores} processor cores"
    print(f"--clones_per_device=auto: {number}, as {why}.", file=sys.stderr)
    return number


def usable_cores() -> int:
    """The processor cores that this process may use, where the system says so, else all."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def groups(cells: Iterable[Cell]) -> list[list[Cell]]:
    """Cells by what is queried, in their order.

    The thieves of a group train the same clones where a defence keeps the label, or start from the
    same ones, so that it is one `CloneTrainer` that is to train them all: it remembers them.
    """
    grouped = {}
    for cell in cells:
        grouped.setdefault((cell.seed, cell.budget, cell.attack), []).append(cell)
    return list(grouped.values())


def side_by_side(grouped: Sequence[Sequence[Cell]], do: Callable[[Cell, CloneTrainer, Callable],
                                                                 None],
                 trainers: Sequence[CloneTrainer]) -> None:
    """Does all cells, as many groups at a time as there are trainers.

    What is done does not depend on how many there are. The first error ends the others too, at
    their next call of `check`, and is raised.

    Args:
        grouped: The cells; those of a group are done one after the other, with one trainer.
        do: Called with a cell, a trainer that nobody else uses meanwhile, and a function `check`
            that it calls every now and then.
        trainers: At least one.
    """
    idle, stop = queue.SimpleQueue(), threading.Event()
    for trainer in trainers:
        idle.put(trainer)

    def check():
        if stop.is_set():
            raise _Stopped

    def do_all(cells):
        trainer = idle.get()
        try:
            for cell in cells:
                check()
                do(cell, trainer, check)
        finally:
            idle.put(trainer)

    if len(trainers) == 1:
        for cells in grouped:
            do_all(cells)
        return
    with futures.ThreadPoolExecutor(len(trainers)) as threads:
        try:
            for done in futures.as_completed([threads.submit(do_all, cells) for cells in grouped]):
                done.result()
        finally:
            stop.set()
            threads.shutdown(cancel_futures=True)


class _Stopped(Exception):
    """Another thread has failed, or the run is interrupted."""
