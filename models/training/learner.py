"""Everything that training changes."""
from collections.abc import Callable, Sequence

import keras
import numpy as np
import tensorflow as tf

from models.training.objective import Objective
from models.training.schedules import Schedule


class Learner:
    """A model, its optimiser and the objective's own variables, all in a strategy's scope.

    Args:
        build: A function of a seed that returns a Keras model which emits logits.
        make_optimizer: A function without arguments that returns a Keras optimiser.
        objective: The loss.
        strategy: A `tf.distribute.Strategy`.
        seed: The seed of the first model.
        schedule: A member of `models.training.schedules.SCHEDULES`. Defaults to `"constant"`.

    Attributes:
        model: The model.
        optimizer: The optimiser, which scales the loss if the model computes in float16.
        objective: The loss.
        own: The objective's variables.
    """

    def __init__(self,
                 build: Callable[[int], keras.Model],
                 make_optimizer: Callable[[], keras.optimizers.Optimizer],
                 objective: Objective,
                 strategy: tf.distribute.Strategy,
                 seed: int,
                 schedule: str = "constant"):
        self._build, self._strategy, self.objective = build, strategy, objective
        self._schedule: Schedule | None = None
        with strategy.scope():
            self.model = build(seed)
            self.optimizer = make_optimizer()
            if schedule != "constant":
                self._schedule = Schedule(float(self.optimizer.learning_rate.numpy()), schedule)
                self.optimizer.learning_rate = self._schedule
            if any(layer.compute_dtype == "float16" for layer in self.model.layers):
                self.optimizer = keras.optimizers.LossScaleOptimizer(self.optimizer)
            self.own = objective.make_variables()
            self.optimizer.build(self.trainable)
        self._start = [variable.numpy() for variable in self._without_model]

    @property
    def trainable(self) -> list[tf.Variable | keras.Variable]:
        """The variables that have gradients."""
        return self.model.trainable_variables + self.own

    @property
    def remembered(self) -> list[tf.Variable | keras.Variable]:
        """The variables that early stopping restores."""
        return self.model.variables + self.own

    @property
    def variables(self) -> list[tf.Variable | keras.Variable]:
        """All variables that a step changes."""
        return self.remembered + self.optimizer.variables

    @property
    def _without_model(self):
        return self.own + self.optimizer.variables

    def plans(self, steps: int) -> None:
        """Stretches the learning-rate schedule over so many steps."""
        if self._schedule:
            self._schedule.steps.assign(steps)

    def restart(self, seed: int) -> None:
        """Assigns the variables of a new model and the initial state of everything else."""
        with self._strategy.scope():
            fresh = self._build(seed)
        assign(self.model.variables, fresh.variables)
        assign(self._without_model, self._start)

    def is_finite(self) -> bool:
        """Whether all weights are finite."""
        weights = self.model.weights + self.own
        return all(np.isfinite(variable.numpy()).all() for variable in weights)


def assign(variables: Sequence[tf.Variable | keras.Variable], values: Sequence) -> None:
    """Assigns each variable its value."""
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)
