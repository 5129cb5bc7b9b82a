"""A victim in this process."""

import pathlib

from attacks.config import RunConfig
from attacks.evaluation import Evaluator
from attacks.oracle import LocalOracle
from attacks.target import Target
from models import victim as victims
from models.dataset import Dataset
from models.locks import lock
from models.splits import Splits


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
        self._given = self._load(config.victim_file) if config.victim_file else None

    def open(self, strategy, progress):
        victim = self._given or self._train_once(strategy, progress)
        self.record = {
            "name": victim.record["config"]["architecture"],
            "fingerprint": victim.fingerprint(),
            **victim.record
        }
        self.evaluator = Evaluator(victim, self._splits, self._config.epsilon,
                                   self._dataset.input_range)

    def oracle(self, defence, budget):
        return LocalOracle(self.evaluator.defended(defence).predict, budget)

    def _load(self, path):
        return victims.load_victim(path, self._dataset, self._config.data.split_seed)

    def _train_once(self, strategy, progress):
        """A new victim, or the one that an earlier start of this run, or one beside it, trains."""
        with lock(pathlib.Path(self._config.output_dir, ".victim.lock"), wait=True):
            if victims.exists(self._config.output_dir):
                return self._load(self._config.output_dir)
            return self._train(strategy, progress)

    def _train(self, strategy, progress):
        config = self._config
        progress.expects(config.victim.steps)
        with progress.running("training the victim", config.victim.steps) as count:
            victim = victims.train_victim(config.victim, self._dataset, self._splits, strategy,
                                          count)
        victims.save_victim(victim, config.output_dir)
        return victim
