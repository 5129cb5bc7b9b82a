"""Steals a victim, with and without a defence, and says how well that went.

  python -m attacks.run --flagfile=attacks/configs/quickstart.flags

A flag behind --flagfile overrides it, one in front of it does not: put the flagfile first. Given
the same command again, a run that was stopped goes on where it was; given more members in
--budgets, --seeds, --defences, --attacks or --adversaries, it extends its output directory. A
member is name[:key=value]..., as in --defences=none,reverse_sigmoid:beta=1:gamma=.2.
"""

import functools
import sys

from absl.flags import adopt_module_key_flags

from attacks import flags
from attacks.adversaries.adversary import Known
from attacks.clone.clone import CloneTrainer
from attacks.grid.config import refuse_if_all
from attacks.grid.registries import ADVERSARIES
from attacks.grid.registries import ATTACKS
from attacks.queries.pools import Pools
from attacks.queries.thief import Thief
from attacks.report import Results
from attacks.report.verdict import exit_status
from attacks.results.provenance import provenance
from attacks.schedule.parallel import clones_at_once
from attacks.schedule.parallel import groups
from attacks.schedule.parallel import side_by_side
from attacks.schedule.progress import Progress
from attacks.schedule.shared_store import SharedStore
from attacks.targets.local import LocalTarget
from attacks.targets.remote import RemoteTarget
from models.data.splits import split
from models.processes.preemption import Preemption
from revsig_keras.cli import program

adopt_module_key_flags(flags)  # so that --help lists them


def main():
    """data -> victim -> defence -> oracle -> attack -> clone -> evaluation -> results -> report"""
    if flags.wants_list():
        print(flags.run_config().listing())
        return
    workers = flags.workers()
    config = flags.run_config()
    dataset = config.data.load()
    splits = split(dataset, config.data.split_seed)
    pools = Pools(splits.pool.x, dataset.input_range, config.data)
    config.check(dataset, pools)
    at_once = clones_at_once(config, workers.strategy)
    with (workers, Preemption() as preemption, make_target(config, dataset, splits, workers) as
          target, Progress() as progress):
        store = SharedStore(config, dataset, workers, preemption)
        cells = store.missing(config.own_cells())
        progress.expects(len(cells) * config.clone.steps)
        target.open(workers, progress, store.checkpoint(None))
        origin = provenance(config, dataset, splits, target.record, workers.strategy, at_once)
        store.extend(origin)
        unfit = find_unfit(config.cells(), target)
        progress.expects(-len(unfit & set(cells)) * config.clone.steps)
        trainers = [
            CloneTrainer(config.clone, dataset.input_shape, dataset.num_classes, workers.strategy)
            for _ in range(at_once)
        ]
        do = functools.partial(do_cell, store, origin, pools, target, progress)
        side_by_side(groups(cell for cell in cells if cell not in unfit), do, trainers)
        bill = target.bill()
    if not workers.is_chief:
        return
    if store.is_empty():
        print("No cell is done yet; runs beside this one are at them.")
        return
    results = Results(store.directory, judgement=config, bill=bill)
    files = ", ".join(path.name for path in results.write())
    verdict = results.verdict()
    print(results.text(), f"Written: {files} in {store.directory}", verdict["sentence"], sep="\n\n")
    sys.exit(exit_status(verdict))


def make_target(config, dataset, splits, workers):
    """The victim: behind an endpoint, or in this process; nothing is written yet."""
    if config.remote and workers.count > 1:
        raise ValueError("`--distribution` must not be multi_worker for a remote oracle, which "
                         f"each worker would ask and be billed for. Received: {workers.count} "
                         "workers")
    return (RemoteTarget if config.remote else LocalTarget)(config, dataset, splits)


def find_unfit(cells, target):
    """The cells that mean nothing on this target, which is said; not all of them may be so."""
    unfit = {cell: target.unfit(cell) for cell in cells}
    if reasons := refuse_if_all(unfit.values()):
        print(f"Left out: {'; '.join(reasons)}.", file=sys.stderr)
    return {cell for cell in cells if unfit[cell]}


def do_cell(store, origin, pools, target, progress, cell, clones, check):
    """A cell, unless it is done or somebody else is at it."""
    with progress.running(str(cell), clones.config.steps) as count, store.claim(cell) as is_ours:
        if is_ours:
            result = steal(cell, pools, target, clones, lambda steps: check() or count(steps),
                           store.checkpoint(cell))
            store.write(cell, {**origin, **result})


def steal(cell, pools, target, clones, progress, checkpoint=None):
    """One cell: the thief queries the oracle and trains a clone, the evaluator measures it."""
    attack, adversary = ATTACKS.make(cell.attack), ADVERSARIES.make(cell.adversary)
    oracle, evaluator = target.oracle(cell.defence, cell.budget), target.evaluator
    known = Known(cell.defence, attack.candidates(pools), cell.seed)
    max_shift = attack.max_shift(pools.input_shape)
    thief = Thief(oracle, adversary, known, pools, clones, max_shift, checkpoint)
    attack.steal(thief)
    clone = thief.clone(watch=evaluator.watch, progress=progress)
    return {
        "cell": cell.describe(),
        "queries_used": oracle.queries_used,
        "queries_per_round": thief.rows_per_round,
        "metrics": evaluator.measure(clone, clones.model, cell.defence, thief.inputs),
        "clone": clone.describe(),
    }


if __name__ == "__main__":
    program.run(main)
