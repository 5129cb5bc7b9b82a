"""A victim in this process."""

import functools
import pathlib

from attacks.evaluation.evaluator import Evaluator
from attacks.grid.config import RunConfig
from attacks.oracle.oracle import LocalOracle
from attacks.targets.target import Target
from models import victim as victims
from models.data.dataset import Dataset
from models.data.splits import Splits
from models.processes.locks import lock


class LocalTarget(Target):
    """A victim that is trained once for the run, or given, and answers under any defence.

    Args:
        config: The run.
        dataset: The data, of which `splits` are the parts.
        splits: Likewise.

    Raises:
        ValueError: If the victim that is given does not fit the data.
    """

    def __init__(self, config: RunConfig, dataset: Dataset, splits: Splits):
        self._config, self._dataset, self._splits = config, dataset, splits
        victim = config.experiment.victim
        self._given = self._load(victim.path) if isinstance(victim, victims.VictimFile) else None

    def open(self, workers, progress, checkpoint):
        victim = self._given or self._train_once(workers, progress, checkpoint)
        self.record = {
            "name": victim.record["config"]["architecture"],
            "fingerprint": victim.fingerprint(),
            **victim.record
        }
        self.evaluator = Evaluator(victim, self._splits, self._config.experiment.epsilon,
                                   self._dataset.input_range)

    def oracle(self, defence, budget):
        return LocalOracle(self.evaluator.defended(defence).predict, budget)

    def _load(self, path):
        return victims.load_victim(path, self._dataset, self._config.experiment.data.split_seed)

    def _train_once(self, workers, progress, checkpoint):
        """A new victim, or the one that an earlier start of this run, or one beside it, trains."""
        directory = self._config.execution.output_dir
        alone = functools.partial(lock, pathlib.Path(directory, ".victim.lock"), wait=True)
        with workers.on_chief(alone):
            if workers.agree(workers.is_chief and victims.exists(directory)):
                return self._load(directory)
            victim = self._train(workers.strategy, progress, checkpoint)
            if workers.is_chief:
                victims.save_victim(victim, directory)
            checkpoint.remove()
            return victim

    def _train(self, strategy, progress, checkpoint):
        config = self._config.experiment.victim
        progress.expects(config.steps)
        with progress.running("training the victim", config.steps) as count:
            return victims.train_victim(config, self._dataset, self._splits, strategy, count,
                                        checkpoint)
