"""A victim in this process."""

import contextlib

from attacks.evaluation.evaluator import Evaluator
from attacks.grid.config import RunConfig
from attacks.oracle.defended_victim import DefendedVictims
from attacks.oracle.oracle import LocalOracle
from attacks.oracle.truth import TrueLabels
from attacks.results.defence_states import DefenceStates
from attacks.targets.deployments import Deployments
from attacks.targets.source import TargetSource
from attacks.targets.target import Target
from models import victim as victims
from models.data.dataset import Dataset
from models.data.splits import Splits


def local_target(victim: victims.Victim | victims.OwnVictim,
                 splits: Splits,
                 input_range: tuple[float, float],
                 epsilon: float,
                 deployments: Deployments | None = None) -> Target:
    """Returns the target of a victim in this process, which answers under any defence.

    Args:
        victim: The clean victim.
        splits: The data, for the evaluator.
        input_range: The lowest and the highest value that an input can have.
        epsilon: The size of adversarial examples, as a fraction of that range.
        deployments: Fits its defences. Defaults to `None`: they are fitted to `splits`.
    """
    deployments = deployments or Deployments(victim, splits)
    defended = DefendedVictims(victim, deployments)
    return Target(
        oracle=lambda defence, budget: LocalOracle(defended.under(defence).predict, budget),
        evaluator=Evaluator(defended, splits, epsilon, input_range),
        truth=TrueLabels(splits.pool, victim.num_classes).predict,
        record=_record(victim),
        labels_only=victim.labels_only,
        clean=victim.probabilities,
        deployed=deployments)


def _record(victim):
    """What results keep of the victim; one that was trained elsewhere has no configuration."""
    config = victim.record.get("config")
    return {
        **({} if config is None else {
               "name": config["architecture"]
           }),
        "fingerprint":
            victim.fingerprint(),
        **victim.record,
    }


class LocalSource(TargetSource):
    """A victim that is given, or trained once for the run.

    Args:
        config: The run.
        dataset: The data.
        splits: The parts of the data.

    Raises:
        ValueError: If the given victim does not fit the data.
    """

    def __init__(self, config: RunConfig, dataset: Dataset, splits: Splits):
        self._config, self._dataset, self._splits = config, dataset, splits
        victim = config.experiment.victim
        self._given = None
        if isinstance(victim, victims.VictimFile):
            self._given = self._load_given(victim)

    @contextlib.contextmanager
    def open(self, workers, progress, checkpoint):
        victim = self._given or self._train_once(workers, progress, checkpoint)
        owner = victim.fingerprint(), self._dataset.fingerprint(), self._splits.split_seed
        states = DefenceStates(self._config.execution.output_dir, owner)
        deployments = Deployments(victim, self._splits, states)
        deployments.share(self._config.experiment.defences, workers)
        yield local_target(victim, self._splits, self._dataset.input_range,
                           self._config.experiment.epsilon, deployments)

    def _load_given(self, victim):
        if victim.is_own:
            return victims.load_own_victim(victim, self._dataset, self._splits)
        victim.refuse_options("victim_signature", "victim_output", "victim_range")
        return victims.load_victim(victim.path, self._dataset, self._splits.split_seed)

    def _train_once(self, workers, progress, checkpoint):
        """A new victim, or the one that an earlier or a parallel start of this run has trained."""
        victim = victims.find_or_train(self._config.execution.output_dir,
                                       self._config.experiment.victim, self._dataset,
                                       self._splits.split_seed, workers,
                                       lambda: self._train(workers.strategy, progress, checkpoint))
        checkpoint.remove()
        return victim

    def _train(self, strategy, progress, checkpoint):
        config = self._config.experiment.victim
        progress.expects(config.steps)
        with progress.running("training the victim", config.steps) as count:
            return victims.train_victim(config, self._dataset, self._splits, strategy, count,
                                        checkpoint)
