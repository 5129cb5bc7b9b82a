"""The experiment: what a thief gets from a victim, with each defence, for each budget."""

from collections.abc import Collection, Sequence
import dataclasses
import logging
from typing import Self

from attacks.clone.memory import Memory
from attacks.clone.trainer import CloneTrainer
from attacks.clone.workshop import Workshop
from attacks.grid.cell import Cell
from attacks.grid.config import RunConfig
from attacks.grid.feasibility import check_possible
from attacks.grid.feasibility import reasons_unless_all
from attacks.grid.victim_key import VictimKey
from attacks.queries.pools import Pools
from attacks.report import Results
from attacks.results.provenance import provenance
from attacks.schedule.agenda import Agenda
from attacks.schedule.cell_runner import CellRunner
from attacks.schedule.parallel import clones_at_once
from attacks.schedule.parallel import group_cells
from attacks.schedule.parallel import run_groups
from attacks.schedule.parallel import share_cores
from attacks.schedule.progress import Progress
from attacks.schedule.shared_store import SharedStore
from attacks.targets.local import LocalSource
from attacks.targets.remote import EndpointSource
from attacks.targets.source import TargetSource
from attacks.targets.target import Target
from models.architectures import digest
from models.data.dataset import Dataset
from models.data.splits import split
from models.data.splits import Splits
from models.processes.preemption import Preemption
from models.processes.strategy import choose
from models.processes.workers import join
from models.processes.workers import Workers
from models.victim import VictimFile

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
    distribution = config.execution.process.distribution
    rows = min(recipe.batch_size for recipe in experiment.recipes())
    clones = clones_at_once(config, choose(rows)[0] if distribution == "auto" else distribution)
    share_cores(clones)
    workers = join(distribution, rows)
    dataset = experiment.data.load()
    first = Scene.of(config, experiment.victims()[0], dataset, workers)
    workshops = [
        Workshop(experiment.clone,
                 CloneTrainer(dataset.input_shape, dataset.num_classes, workers.strategy))
        for _ in range(clones)
    ]
    preemption = preemption or Preemption()
    with workers, SharedStore(config, dataset, workers, preemption).at_work() as store:
        agenda, unfit, bill = Agenda(config, store, progress), None, None
        for victim in agenda.victims():
            scene = first if victim == first.victim else Scene.of(config, victim, dataset, workers,
                                                                  first)
            checkpoint = store.victim_checkpoint(victim)
            with scene.source.open(workers, progress, checkpoint) as target:
                origin = provenance(scene.config, dataset, scene.splits, target.record,
                                    workers.strategy, len(workshops))
                origin["files"] = scene.files()
                store.extend(origin, victim, target.deployed)
                if unfit is None:
                    unfit = find_unfit(experiment.cells(), target)
                    agenda.leave_out(unfit)
                runner = CellRunner(store, agenda, origin, scene.pools, target, progress,
                                    config.execution.keep_clones)
                workshops = afresh(workshops)
                run_groups(group_cells(agenda.choosing(victim)), runner.choose, workshops)
                run_groups(group_cells(agenda.cells(victim)), runner.run, workshops)
                bill = target.bill()
    return Results(store.directory, config.judgement, bill) if workers.is_chief else None


@dataclasses.dataclass(frozen=True, eq=False)
class Scene:
    """One victim of the grid, with its data.

    Attributes:
        victim: Which victim.
        config: The run with this victim alone.
        splits: The parts of the data.
        pools: The inputs that its thieves have.
        source: Trains or loads the victim; nothing is written yet.
    """
    victim: VictimKey
    config: RunConfig
    splits: Splits
    pools: Pools
    source: TargetSource

    @classmethod
    def of(cls,
           config: RunConfig,
           victim: VictimKey,
           dataset: Dataset,
           workers: Workers,
           other: Self | None = None) -> Self:
        """The scene of a victim.

        Args:
            config: The run.
            victim: The victim.
            dataset: The data.
            workers: The processes of the run.
            other: The scene of another victim, which shares its data if both have one split.
                Defaults to `None`.

        Raises:
            ValueError: If the experiment is impossible on its data.
        """
        own = config.of_victim(victim)
        if other and other.victim.split_seed == victim.split_seed:
            splits, pools = other.splits, other.pools
        else:
            splits, pools = divide(own, dataset)
        return cls(victim, own, splits, pools, target_source(own, dataset, splits, workers))

    def files(self) -> dict[str, str]:
        """The fingerprints of the user's own pools and architectures, as the options name them."""
        digests = {name: digest(name) for name in self.config.experiment.architectures()}
        own = {name: known for name, known in digests.items() if known is not None}
        return {**self.pools.fingerprints(), **own}


def divide(config: RunConfig, dataset: Dataset) -> tuple[Splits, Pools]:
    """The parts of the data, and the inputs that thieves have.

    Args:
        config: A run with one victim.
        dataset: The data.

    Raises:
        ValueError: If the experiment is impossible on its data.
    """
    experiment = config.experiment
    is_foreign = isinstance(experiment.victim, VictimFile) and experiment.victim.is_own
    splits = split(dataset, experiment.data.split_seed, for_victim=not is_foreign)
    others = (splits.victim_train, splits.victim_validation, splits.evaluation, splits.test)
    pools = Pools(splits.pool.x, dataset.input_range, experiment.data, [part.x for part in others])
    check_possible(experiment, dataset, pools)
    return splits, pools


def target_source(config: RunConfig, dataset: Dataset, splits: Splits,
                  workers: Workers) -> TargetSource:
    """Returns the source of the target, an endpoint or this process; nothing is written yet."""
    if config.experiment.is_remote and workers.count > 1:
        raise ValueError("`distribution` must not be multi_worker for an endpoint, which each "
                         f"worker would query and be billed for. Received: {workers.count} workers")
    kind = EndpointSource if config.experiment.is_remote else LocalSource
    return kind(config, dataset, splits)


def afresh(workshops: Sequence[Workshop]) -> list[Workshop]:
    """The workshops with one new memory, which they share, and without what is of one victim.

    Victims that label the queries alike would share clones, and a clone remembers how it agrees
    with one victim.
    """
    memory = Memory()
    for workshop in workshops:
        workshop.trainer.forget_fitted()
    return [dataclasses.replace(workshop, memory=memory) for workshop in workshops]


def find_unfit(cells: Collection[Cell], target: Target) -> set[Cell]:
    """The cells that mean nothing on this target; a warning names the reasons.

    Raises:
        ValueError: If no cell means anything.
    """
    unfit = {cell: target.unfit(cell) for cell in cells}
    if reasons := reasons_unless_all(unfit.values()):
        _LOG.warning("Left out: %s.", "; ".join(reasons))
    return {cell for cell in cells if unfit[cell]}
