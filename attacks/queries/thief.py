"""The thief: an attack's access to inputs, answers and training."""

from collections.abc import Callable
import dataclasses

import keras
import numpy as np

from attacks.adversaries.adversary import Adversary
from attacks.adversaries.adversary import Known
from attacks.clone.clone import Clone
from attacks.clone.recipe import Recipe
from attacks.clone.training import Training
from attacks.clone.transfer_set import TransferSet
from attacks.clone.workshop import Workshop
from attacks.oracle.oracle import Oracle
from attacks.queries.pools import Pools
from models.seeds import derive


class Thief:
    """Queries the oracle through its adversary, keeps all answers, and trains on them.

    Args:
        oracle: Answers queries within its budget.
        adversary: Reads the answers and trains clones.
        known: What the adversary knows besides.
        pools: The inputs that the thief has.
        workshop: Trains its clones.
        max_shift: Pixels by which training may shift images; see `Attack.max_shift`. Defaults to
            `0`.
    """

    def __init__(self,
                 oracle: Oracle,
                 adversary: Adversary,
                 known: Known,
                 pools: Pools,
                 workshop: Workshop,
                 max_shift: int = 0):
        self.pools = pools
        self.seed = known.seed
        self.rows_per_round: list[int] = []
        self._oracle, self._adversary, self._known = oracle, adversary, known
        self._workshop, self._max_shift = workshop, max_shift
        self._asked: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
        self._substitute: Clone | None = None
        self._start: Clone | None = None

    @property
    def budget(self) -> int:
        """The number of inputs that can be queried in all."""
        return self._oracle.budget // self._adversary.rows_per_input

    @property
    def left(self) -> int:
        """The number of inputs that can still be queried."""
        left = self._oracle.budget - self._oracle.queries_used
        return left // self._adversary.rows_per_input

    @property
    def inputs(self) -> np.ndarray:
        """All inputs queried so far, in that order, `[n, ...]`."""
        return self._all(0)

    @property
    def targets(self) -> np.ndarray:
        """Their targets, `[n, num_classes]`."""
        return self._all(2)

    def random(self, purpose: str) -> np.random.Generator:
        """A stream of random numbers that follows from the thief's seed and the purpose."""
        return np.random.default_rng(derive(self.seed, purpose))

    def ask(self, inputs: np.ndarray) -> np.ndarray:
        """Queries a round of inputs, which is charged.

        Args:
            inputs: Array `[n, ...]`.

        Returns:
            Targets `[n, num_classes]`, as the adversary reads the answers.

        Raises:
            BudgetExceededError: If the rows exceed the budget; nothing is sent then.
        """
        used = self._oracle.queries_used
        answers = self._adversary.ask(self._oracle, inputs, self.seed)
        targets = self._adversary.read(answers, self._known)
        self.rows_per_round.append(self._oracle.queries_used - used)
        self._asked.append((inputs, answers, targets))
        return targets

    def transfer_set(self) -> TransferSet:
        """All inputs queried so far, with their answers and targets."""
        return TransferSet(*map(self._all, range(3)), self._max_shift)

    def substitute(self, epochs: int, fresh: bool = False) -> Clone:
        """Trains a model on all answers so far, through the adversary.

        Args:
            epochs: The number of times that each row is trained on; the steps are at most those of
                a clone.
            fresh: Whether it starts from new weights instead of those of the last substitute.
                Defaults to `False`.
        """
        steps = self._workshop.recipe.count_steps(epochs, self._count())
        start = None if fresh else self._substitute
        self._substitute = self._train(self._workshop, steps, start)
        return self._substitute

    def untrained(self, purpose: str) -> keras.Model:
        """A new model of the clone's architecture, for attacks that train one themselves.

        Its weights follow from the thief's seed and the purpose.
        """
        return self._workshop.build(derive(self.seed, purpose))

    def start_from(self, model: keras.Model, steps: int, seconds: float) -> None:
        """Lets the clone start from the weights of a model that `untrained` made.

        Args:
            model: The model.
            steps: The steps that it was trained.
            seconds: The time that they took.
        """
        self._start = self._workshop.adopt(model, steps, seconds)

    def clone(self,
              watch: Callable[[keras.Model, int], float] | None = None,
              progress: Callable[[int], None] | None = None,
              recipe: Recipe | None = None) -> Clone:
        """Trains the clone on all answers, from new weights or from those of `start_from`.

        Args:
            watch, progress: See `Workshop`.
            recipe: How it is trained. Defaults to `None`: as the substitutes.
        """
        workshop = dataclasses.replace(self._workshop,
                                       watch=watch,
                                       progress=progress,
                                       recipe=recipe or self._workshop.recipe)
        steps = workshop.recipe.steps_on(self._count())
        return self._train(workshop, steps, self._start)

    def _train(self, workshop, steps, start):
        training = Training(workshop.recipe, self.transfer_set(), self.seed, steps, start=start)
        return self._adversary.train(training, self._known, workshop)

    def _count(self):
        """The number of inputs queried so far."""
        count = sum(len(inputs) for inputs, *_ in self._asked)
        if not count:
            raise ValueError("`steal` must ask at least one input before a model is trained. "
                             "Received: none")
        return count

    def _all(self, part):
        parts = [asked[part] for asked in self._asked]
        return parts[0] if len(parts) == 1 else np.concatenate(parts)  # A copy is as large again.
