"""Several cells at a time, in threads of one process."""

import collections
from collections.abc import Callable, Iterable, Sequence
from concurrent import futures
import logging
import os
import queue
import threading

import tensorflow as tf

from attacks.clone.workshop import Workshop
from attacks.grid.cell import Cell
from attacks.grid.config import RunConfig

_LOG = logging.getLogger(__name__)
# More threads than this were never measured.
_MOST = 8


def clones_at_once(config: RunConfig, distribution: str) -> int:
    """The number of clones that a run trains at once; logs the reason where the run chooses it.

    Args:
        config: The run.
        distribution: The name of its strategy, not `"auto"`.

    Raises:
        ValueError: If several are asked for where each clone is trained on all devices.
    """
    chosen, is_alone = config.execution.clones_per_device, distribution != "one_device"
    if chosen is not None:
        if chosen > 1 and is_alone:
            raise ValueError("`clones_per_device` must be 1 where each clone is trained on all "
                             f"devices. Received: {chosen}")
        return chosen
    if config.experiment.is_remote:
        number, why = 1, "the cells share a ledger"
    elif is_alone:
        number, why = 1, "each clone is trained on all devices"
    elif tf.config.list_physical_devices("GPU"):
        number, why = 1, "more were never measured on a GPU"
    else:
        cores = usable_cores()
        groups_of = collections.Counter(
            cells[0].victim for cells in group_cells(config.own_cells()))
        number, why = min(cores, _MOST), f"there are {cores} processor cores"
        if (groups := max(groups_of.values())) < number:
            number, why = groups, "no more cells can be done side by side"
    _LOG.info("clones_per_device=auto: %s, as %s.", number, why)
    return number


def share_cores(clones: int) -> None:
    """Divides the processor cores among clones that are trained at once.

    By default TensorFlow splits every operation across all cores, and most of them wait for the
    slowest. With fewer threads for each operation, the cores work on several clones instead, and
    training steps of small clones take half the time.

    The setting belongs to the process. It is left as it is if the user has chosen the number of
    threads, or if TensorFlow has already started.
    """
    if (clones == 1 or "TF_NUM_INTRAOP_THREADS" in os.environ or
            tf.config.threading.get_intra_op_parallelism_threads()):
        return
    try:
        tf.config.threading.set_intra_op_parallelism_threads(max(1, usable_cores() // clones))
    except RuntimeError:  # TensorFlow has started.
        pass


def usable_cores() -> int:
    """The number of cores that this process may use, or of all if the system cannot tell."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def group_cells(cells: Iterable[Cell]) -> list[list[Cell]]:
    """Groups cells by seed, budget, attack and the clone's architecture; keeps their order.

    The thieves of a group train the same clones where a defence keeps the label, or start from the
    same ones. One workshop trains a whole group, because its memory keeps the clones.
    """
    groups = {}
    for cell in cells:
        key = cell.victim, cell.seed, cell.budget, cell.attack, cell.clone_architecture
        groups.setdefault(key, []).append(cell)
    return list(groups.values())


def run_groups(groups: Sequence[Sequence[Cell]], run: Callable[[Cell, Workshop, Callable], None],
               workshops: Sequence[Workshop]) -> None:
    """Runs all cells, as many groups at a time as there are workshops.

    The results do not depend on the number of workshops. The first error is raised; the other
    threads end at their next call of `check`.

    Args:
        groups: The cells; those of a group run one after the other, in one workshop.
        run: Called with a cell, a workshop that no other thread uses meanwhile, and a function
            `check` to call now and then.
        workshops: At least one.
    """
    idle, stop = queue.SimpleQueue(), threading.Event()
    for workshop in workshops:
        idle.put(workshop)

    def check():
        if stop.is_set():
            raise _Stopped

    def run_group(cells):
        workshop = idle.get()
        try:
            for cell in cells:
                check()
                run(cell, workshop, check)
        finally:
            idle.put(workshop)

    if len(workshops) == 1:
        for cells in groups:
            run_group(cells)
        return
    with futures.ThreadPoolExecutor(len(workshops)) as threads:
        try:
            submitted = [threads.submit(run_group, cells) for cells in groups]
            for done in futures.as_completed(submitted):
                done.result()
        finally:
            stop.set()
            threads.shutdown(cancel_futures=True)


class _Stopped(Exception):
    """Another thread has failed, or the run is interrupted."""
