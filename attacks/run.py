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
from attacks import report
from attacks import verdict
from attacks.clone import CloneTrainer
from attacks.endpoint.remote_target import RemoteTarget
from attacks.local_target import LocalTarget
from attacks.progress import Progress
from attacks.provenance import provenance
from attacks.registry import ADVERSARIES
from attacks.registry import ATTACKS
from attacks.results import ResultStore
from models.splits import split
from models.strategy import make_strategy
from revsig_keras import program

adopt_module_key_flags(flags)  # so that --help lists them


def main():
    """data -> victim -> defence -> oracle -> attack -> clone -> evaluation -> results -> report"""
    config = flags.run_config()
    dataset = config.data.load()
    splits = split(dataset, config.data.split_seed)
    config.check(dataset, splits)
    with make_target(config, dataset, splits) as target, Progress() as progress:
        store = ResultStore(config)
        strategy = make_strategy(config.distribution)
        cells = store.missing(config.cells())
        progress.expects(len(cells) * config.clone.steps)
        target.open(strategy, progress)
        origin = provenance(config, dataset, splits, target.record, strategy)
        store.extend(origin)
        clones = CloneTrainer(config.clone, dataset.input_shape, dataset.num_classes, strategy)
        for cell in fit(cells, target):
            count = progress.starts(str(cell), config.clone.steps)
            store.write(cell, {**origin, **steal(cell, splits.pool.x, target, clones, count)})
        bill = target.bill()
    report.write(store.directory)
    print(report.text(store.directory))
    print(verdict.write(store.directory, config.price_per_1000, config.fail_above, bill))
    sys.exit(verdict.exit_status(store.directory))


def make_target(config, dataset, splits):
    """The victim: behind an endpoint, or in this process; nothing is written yet."""
    return (RemoteTarget if config.remote else LocalTarget)(config, dataset, splits)


def fit(cells, target):
    """The cells that mean something on this target; why the others do not is said once."""
    reasons = {cell: target.unfit(cell) for cell in cells}
    for reason in dict.fromkeys(filter(None, reasons.values())):
        print(f"Left out: {reason}.", file=sys.stderr)
    return [cell for cell in cells if not reasons[cell]]


def steal(cell, pool, target, clones, count):
    """One cell: the thief queries the oracle and trains a clone, the evaluator measures it."""
    attack, adversary = ATTACKS.make(cell.attack), ADVERSARIES.make(cell.adversary)
    oracle, evaluator = target.oracle(cell.defence, cell.budget), target.evaluator
    transfer_set = attack.steal(functools.partial(adversary.ask, oracle), pool, cell.budget,
                                cell.seed)
    clone = clones.train(transfer_set, cell.seed, evaluator.examine, evaluator.watch, count)
    return {
        "cell": cell.describe(),
        "queries_used": oracle.queries_used,
        "metrics": evaluator.measure(clone, cell.defence, transfer_set.inputs),
        "clone": clone.describe(),
    }


if __name__ == "__main__":
    program.run(main)
