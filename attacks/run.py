"""Steals a victim, with and without a defence, and says how well that went.

  python -m attacks.run --flagfile=attacks/configs/quickstart.flags

A flag behind --flagfile overrides it, one in front of it does not: put the flagfile first. Given
the same command again, a run that was stopped goes on where it was; given more members in
--budgets, --seeds, --defences, --attacks or --adversaries, it extends its output directory. A
member is name[:key=value]..., as in --defences=none,reverse_sigmoid:beta=1:gamma=.2.
"""

import functools

from absl.flags import adopt_module_key_flags

from attacks import flags
from attacks import report
from attacks.clone import CloneTrainer
from attacks.evaluation import Evaluator
from attacks.oracle import LocalOracle
from attacks.progress import Progress
from attacks.provenance import provenance
from attacks.registry import ADVERSARIES
from attacks.registry import ATTACKS
from attacks.results import ResultStore
from models import victim as victims
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
    given = load_given_victim(config, dataset)
    store = ResultStore(config)
    strategy = make_strategy(config.distribution)
    cells = store.missing(config.cells())
    with Progress() as progress:
        progress.expects(len(cells) * config.clone.steps)
        victim = given or train_victim_once(config, dataset, splits, strategy, progress)
        origin = provenance(config, dataset, splits, victim, strategy)
        store.extend(origin)
        evaluator = Evaluator(victim, splits)
        clones = CloneTrainer(config.clone, dataset.input_shape, dataset.num_classes, strategy)
        for cell in cells:
            count = progress.starts(str(cell), config.clone.steps)
            store.write(cell, {**origin, **steal(cell, splits.pool.x, evaluator, clones, count)})
    report.write(store.directory)
    print(report.text(store.directory))


def load_given_victim(config, dataset):
    """The victim of --victim, or None; read before anything is written."""
    if config.victim_file:
        return victims.load_victim(config.victim_file, dataset, config.data.split_seed)
    return None


def train_victim_once(config, dataset, splits, strategy, progress):
    """A new victim, or the one that an earlier start of this run has trained."""
    if victims.exists(config.output_dir):
        return victims.load_victim(config.output_dir, dataset, config.data.split_seed)
    progress.expects(config.victim.steps)
    count = progress.starts("training the victim", config.victim.steps)
    victim = victims.train_victim(config.victim, dataset, splits, strategy, count)
    victims.save_victim(victim, config.output_dir)
    return victim


def steal(cell, pool, evaluator, clones, count):
    """One cell: the thief queries the oracle and trains a clone, the evaluator measures it."""
    attack, adversary = ATTACKS.make(cell.attack), ADVERSARIES.make(cell.adversary)
    oracle = LocalOracle(evaluator.defended(cell.defence).predict, cell.budget)
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
