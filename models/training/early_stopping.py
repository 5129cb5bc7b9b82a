"""Stops training once the loss on held-out rows no longer falls."""
import numpy as np

from models.data.streamed import Inputs
from models.inference import predict
from models.processes.workers import Workers
from models.training.learner import assign
from models.training.learner import Learner


class EarlyStopping:
    """Remembers the variables at which the loss on held-out rows was lowest.

    Args:
        learner: What is trained; its objective measures the loss.
        held_out: A pair (inputs, targets).
        patience: The number of checks in a row without a lower loss that stop training.
        workers: The processes that train. The chief's loss counts, because rounding may differ.
    """

    def __init__(self, learner: Learner, held_out: tuple[Inputs, np.ndarray], patience: int,
                 workers: Workers):
        self._learner, self._held_out = learner, held_out
        self._patience, self._workers = patience, workers
        self._best, self._best_variables, self._checks_since = np.inf, None, 0

    def stops(self) -> bool:
        """Measures the loss and returns whether training is to stop."""
        inputs, targets = self._held_out
        logits = predict(self._learner.model, inputs)
        loss = self._workers.agree(
            self._learner.objective.held_out_loss(logits, targets, self._learner.own))
        if self._best_variables is None or loss < self._best:
            self._best, self._checks_since = loss, 0
            self._best_variables = [variable.numpy() for variable in self._learner.remembered]
        else:
            self._checks_since += 1
        return self._checks_since >= self._patience

    def state(self) -> tuple[list, list[np.ndarray]]:
        """Returns the numbers and the variables that it remembers; at first no variables."""
        return [self._best, self._checks_since], self._best_variables or []

    def set_state(self, numbers: list, variables: list[np.ndarray]) -> None:
        """Restores what `state` returned."""
        self._best, self._checks_since = numbers
        self._best_variables = variables or None

    def restore_best(self) -> None:
        """Assigns the variables the values of the lowest loss."""
        assign(self._learner.remembered, self._best_variables)
