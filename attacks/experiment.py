"""The experiment: what a thief gets from a victim, with each defence, for each budget."""

from collections.abc import Callable, Collection
import dataclasses
import logging
from typing import Any

import tensorflow as tf

from attacks.adversaries.adversary import Known
from attacks.clone.memory import Memory
from attacks.clone.trainer import CloneTrainer
from attacks.clone.workshop import Workshop
from attacks.grid.cell import Cell
from attacks.grid.config import RunConfig
from attacks.grid.experiment_config import reasons_unless_all
from attacks.grid.registries import ADVERSARIES
from attacks.grid.registries import ATTACKS
from attacks.oracle.oracle import LocalOracle
from attacks.queries.pools import Pools
from attacks.queries.thief import Thief
from attacks.report import Results
from attacks.results.provenance import provenance
from attacks.schedule.parallel import clones_at_once
from attacks.schedule.parallel import group_cells
from attacks.schedule.parallel import run_groups
from attacks.schedule.progress import Progress
from attacks.schedule.shared_store import SharedStore
from attacks.targets.local import LocalSource
from attacks.targets.remote import EndpointSource
from attacks.targets.source import TargetSource
from attacks.targets.target import Target
from models.data.dataset import Dataset
from models.data.splits import split
from models.data.splits import Splits
from models.processes.preemption import Preemption
from models.processes.workers import join
from models.processes.workers import Workers

_LOG = logging.getLogger(__name__)


def run_experiment(config: RunConfig,
                   progress: Progress | None = None,
                   preemption: Preemption | None = None) -> Results | None:
    """data -> victim -> defence -> oracle -> attack -> clone -> evaluation -> results -> report

    Cells that have a result in the output directory are not done again.

    Args:
        config: The run.
        progress: A progress bar. Defaults to none.
        preemption: Tells when the run has to end before it is done. Defaults to never.

    Returns:
        The results in the output directory, those of other runs included. `None` for all workers
        but the chief, where several processes do one run.

    Raises:
        ValueError: If the run is impossible, or the output directory belongs to another experiment.
        OSError: If files cannot be read or written.
    """
    progress = progress or Progress(is_shown=False)
    experiment = config.experiment
    workers = join(config.execution.process.distribution, experiment.clone.batch_size)
    dataset = experiment.data.load()
    splits = split(dataset, experiment.data.split_seed)
    pools = Pools(splits.pool.x, dataset.input_range, experiment.data)
    experiment.check(dataset, pools)
    source = target_source(config, dataset, splits, workers)
    workshops = make_workshops(config, dataset, workers.strategy)
    with workers:
        store = SharedStore(config, dataset, workers, preemption or Preemption())
        missing = store.missing(config.own_cells())
        progress.expects(len(missing) * experiment.clone.steps)
        with source.open(workers, progress, store.checkpoint(None)) as target:
            origin = provenance(config, dataset, splits, target.record, workers.strategy,
                                len(workshops))
            store.extend(origin)
            unfit = find_unfit(experiment.cells(), target)
            cells = [cell for cell in missing if cell not in unfit]
            progress.expects((len(cells) - len(missing)) * experiment.clone.steps)
            runner = CellRunner(store, origin, pools, target, progress)
            run_groups(group_cells(cells), runner.run, workshops)
            bill = target.bill()
    return Results(store.directory, config.judgement, bill) if workers.is_chief else None


def target_source(config: RunConfig, dataset: Dataset, splits: Splits,
                  workers: Workers) -> TargetSource:
    """Returns the source of the target, an endpoint or this process; nothing is written yet."""
    if config.experiment.is_remote and workers.count > 1:
        raise ValueError("`distribution` must not be multi_worker for an endpoint, which each "
                         f"worker would query and be billed for. Received: {workers.count} workers")
    kind = EndpointSource if config.experiment.is_remote else LocalSource
    return kind(config, dataset, splits)


def make_workshops(config: RunConfig, dataset: Dataset,
                   strategy: tf.distribute.Strategy) -> list[Workshop]:
    """A workshop for each clone that is trained at once; what they remember is shared."""
    memory = Memory()
    return [
        Workshop(config.experiment.clone,
                 CloneTrainer(dataset.input_shape, dataset.num_classes, strategy), memory)
        for _ in range(clones_at_once(config, strategy))
    ]


def find_unfit(cells: Collection[Cell], target: Target) -> set[Cell]:
    """The cells that mean nothing on this target; a warning names the reasons.

    Raises:
        ValueError: If no cell means anything.
    """
    unfit = {cell: target.unfit(cell) for cell in cells}
    if reasons := reasons_unless_all(unfit.values()):
        _LOG.warning("Left out: %s.", "; ".join(reasons))
    return {cell for cell in cells if unfit[cell]}


@dataclasses.dataclass(frozen=True, eq=False)
class CellRunner:
    """Runs cells and writes their results.

    Attributes:
        store: The output directory.
        origin: The part of each record that all cells have in common.
        pools: The inputs that the thieves have.
        target: The victim.
        progress: The progress bar.
    """
    store: SharedStore
    origin: dict[str, Any]
    pools: Pools
    target: Target
    progress: Progress

    def run(self, cell: Cell, workshop: Workshop, check: Callable[[], None]) -> None:
        """Runs a cell, unless another run has done it or is doing it; see `run_groups`."""
        running = self.progress.running(str(cell), workshop.recipe.steps)
        with running as count, self.store.claim(cell) as is_free:
            if is_free:
                workshop = dataclasses.replace(workshop, checkpoint=self.store.checkpoint(cell))

                def advance(steps: int) -> None:
                    check()
                    count(steps)

                result = run_cell(cell, self.pools, self.target, workshop, advance)
                self.store.write(cell, {**self.origin, **result})


def run_cell(cell: Cell, pools: Pools, target: Target, workshop: Workshop,
             progress: Callable[[int], None] | None) -> dict[str, Any]:
    """One cell: the thief queries the oracle and trains a clone, the evaluator measures it.

    Args:
        cell: The cell.
        pools: The inputs that the thief has.
        target: The victim.
        workshop: Trains the clones.
        progress: Called with the number of steps done since its last call, or `None`.

    Returns:
        The part of the cell's record that is its own.
    """
    attack, adversary = ATTACKS.make(cell.attack), ADVERSARIES.make(cell.adversary)
    asks_victim, evaluator = adversary.needs != "truth", target.evaluator
    oracle = (target.oracle(cell.defence, cell.budget) if asks_victim else LocalOracle(
        target.truth, cell.budget))
    known = Known(cell.defence, attack.candidates(pools), cell.seed, workshop.memory)
    max_shift = attack.max_shift(pools.input_shape)
    thief = Thief(oracle, adversary, known, pools, workshop, max_shift)
    attack.steal(thief)
    clone = thief.clone(watch=evaluator.watch, progress=progress)
    return {
        "cell": cell.describe(),
        "queries_used": oracle.queries_used if asks_victim else 0,
        "queries_per_round": thief.rows_per_round if asks_victim else [],
        "metrics": evaluator.measure(clone, cell.defence, thief.inputs if asks_victim else None),
        "rows": evaluator.rows(clone),
        "clone": clone.describe(),
    }
