"""Stopping once held-out rows say that training does harm."""
from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf

from models.inference import predict
from models.processes.workers import Workers
from models.training.objective import Objective


class EarlyStopping:
    """Remembers the variables at which the loss on held-out rows was lowest.

    Args:
        model: emits logits.
        objective: its loss decides.
        variables: what is remembered.
        x, targets: the held-out rows.
        patience: so many checks in a row without a lower loss stop the training.
        workers: those who train, of which the chief's loss counts: rounding may differ.
    """

    def __init__(self, model: keras.Model, objective: Objective, variables: Sequence[tf.Variable],
                 x: np.ndarray, targets: np.ndarray, patience: int, workers: Workers):
        self._model, self._objective, self._variables = model, objective, variables
        self._x, self._targets, self._patience = x, targets, patience
        self._workers = workers
        self._best, self._best_variables, self._checks_since = np.inf, None, 0

    def stops(self) -> bool:
        """Checks; whether training is to stop."""
        loss = self._workers.agree(
            self._objective.held_out_loss(predict(self._model, self._x), self._targets))
        if self._best_variables is None or loss < self._best:
            self._best, self._checks_since = loss, 0
            self._best_variables = [variable.numpy() for variable in self._variables]
        else:
            self._checks_since += 1
        return self._checks_since >= self._patience

    def state(self) -> tuple[list, list[np.ndarray]]:
        """What it remembers: numbers, and the variables, of which there are none at first."""
        return [self._best, self._checks_since], self._best_variables or []

    def set_state(self, numbers: list, variables: list[np.ndarray]) -> None:
        """Takes over what another one remembered."""
        self._best, self._checks_since = numbers
        self._best_variables = variables or None

    def restore_best(self) -> None:
        """Gives the variables the values of the lowest loss."""
        assign(self._variables, self._best_variables)


def assign(variables: Sequence[tf.Variable], values: Sequence[np.ndarray]) -> None:
    """Gives each variable its value."""
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)
