"""What an attack works with: inputs, a budget, and answers as its adversary reads them."""

import functools

import keras
import numpy as np

from attacks.adversaries.adversary import Adversary
from attacks.adversaries.adversary import Known
from attacks.clone.clone import Clone
from attacks.clone.clone import CloneTrainer
from attacks.clone.transfer_set import TransferSet
from attacks.oracle.oracle import Oracle
from attacks.queries.pools import Pools
from models.gradients import input_gradients
from models.inference import probabilities
from models.seeds import derive
from models.training.checkpoints import Checkpoint


class Substitute:
    """A model that the thief has trained on what it was answered so far.

    It is valid until the next one is trained.

    Args:
        clone: What it was trained to.
        model: Emits logits `[n, num_classes]`.
    """

    def __init__(self, clone: Clone, model: keras.Model):
        self.clone = clone
        self.probabilities = functools.partial(probabilities, model)
        self.gradients = functools.partial(input_gradients, model)


class Thief:
    """Asks the oracle through its adversary, and keeps all that was answered.

    Args:
        oracle: What can be queried, with its budget.
        adversary: Reads the answers and trains clones.
        known: What the adversary knows besides.
        pools: The inputs that the thief has.
        clones: Trains clones.
        max_shift: Pixels by which training may shift the images; see `Attack.max_shift`.
        checkpoint: Where trainings are kept while they run. Defaults to `None`.
    """

    def __init__(self,
                 oracle: Oracle,
                 adversary: Adversary,
                 known: Known,
                 pools: Pools,
                 clones: CloneTrainer | None = None,
                 max_shift: int = 0,
                 checkpoint: Checkpoint | None = None):
        self.pools = pools
        self.seed = known.seed
        self.rows_per_round: list[int] = []
        self._oracle, self._adversary, self._known = oracle, adversary, known
        self._clones, self._max_shift, self._checkpoint = clones, max_shift, checkpoint
        self._asked: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
        self._substitute: Clone | None = None

    @property
    def budget(self) -> int:
        """How many inputs can be asked in all."""
        return self._oracle.budget // self._adversary.rows_per_input

    @property
    def left(self) -> int:
        """How many inputs can still be asked."""
        left = self._oracle.budget - self._oracle.queries_used
        return left // self._adversary.rows_per_input

    @property
    def inputs(self) -> np.ndarray:
        """All inputs that were asked, in that order, `[n, ...]`."""
        return self._all(0)

    @property
    def targets(self) -> np.ndarray:
        """What the adversary made of their answers, `[n, num_classes]`."""
        return self._all(2)

    def random(self, purpose: str) -> np.random.Generator:
        """A stream of random numbers that follows from the thief's seed."""
        return np.random.default_rng(derive(self.seed, purpose))

    def ask(self, inputs: np.ndarray) -> np.ndarray:
        """Asks a round of inputs, which is charged.

        Args:
            inputs: Array `[n, ...]`.

        Returns:
            Targets `[n, num_classes]`: what the adversary makes of the answers.

        Raises:
            BudgetExceededError: If they exceed the budget; nothing is sent then.
        """
        used = self._oracle.queries_used
        answers = self._adversary.ask(self._oracle, inputs, self.seed)
        targets = self._adversary.read(answers, self._known)
        self.rows_per_round.append(self._oracle.queries_used - used)
        self._asked.append((inputs, answers, targets))
        return targets

    def stolen(self) -> TransferSet:
        """All that was answered."""
        return TransferSet(*map(self._all, range(3)), self._max_shift)

    def substitute(self, epochs: int, fresh: bool = False) -> Substitute:
        """Trains a model on all that was answered so far, through the adversary.

        Args:
            epochs: How often each row is trained on; at most the steps of a clone in all.
            fresh: Whether it starts from new weights instead of those of the last substitute.
        """
        start = None if fresh else self._substitute
        course = self._clones.course(self.seed,
                                     epochs=epochs,
                                     start=start,
                                     checkpoint=self._checkpoint)
        self._substitute = self._adversary.train(self.stolen(), self._known, course)
        return Substitute(self._substitute, self._clones.model(self._substitute))

    def clone(self, **watching) -> Clone:
        """Trains the clone on all that was answered; see `CloneTrainer.course`."""
        course = self._clones.course(self.seed, checkpoint=self._checkpoint, **watching)
        return self._adversary.train(self.stolen(), self._known, course)

    def _all(self, what):
        parts = [asked[what] for asked in self._asked]
        return parts[0] if len(parts) == 1 else np.concatenate(parts)  # A copy is as large again.
