"""The squared error of probabilities."""
import keras
from keras import ops

from revsig_keras.defences.numerics.probabilities import Tensor
from revsig_keras.metrics.docstrings import documented
from revsig_keras.metrics.labelled_rows import read_rows


@keras.saving.register_keras_serializable(package="revsig_keras")
@documented
class BrierScore(keras.metrics.Metric):
    """Brier score over all classes, in [0, 2]; lower is better.

    It is lowest in expectation for the true probabilities, so it charges both for errors and for
    miscalibration. (For binary classifiers it is twice the usual score, whose sum has one term.)

    Formula:

    ```
    brier = mean over rows of sum_k (p_k - [k is the true label])^2
    ```

    0 when there are no rows. {invalid rows}

    Args:
        name: Optional string. Defaults to `'brier_score'`.
        {dtype}

    {call arguments}

    Example:

    >>> metric = BrierScore()
    >>> metric.update_state([0], [[0.5, 0.5]])
    >>> float(metric.result())
    0.5

    References:
        - [Brier, Verification of Forecasts Expressed in Terms of Probability
          ](https://doi.org/10.1175/1520-0493(1950)078<0001:VOFEIT>2.0.CO;2), eq. (2)
    """

    def __init__(self,
                 name: str | None = "brier_score",
                 dtype: str | keras.DTypePolicy | None = None):
        super().__init__(name=name, dtype=dtype)
        self._direction = "down"
        self.squares = self.add_weight(shape=(), initializer="zeros", name="squares")
        self.total = self.add_weight(shape=(), initializer="zeros", name="total")

    def update_state(self,
                     y_true: Tensor,
                     y_pred: Tensor,
                     sample_weight: Tensor | None = None) -> None:
        batch = read_rows(y_true, y_pred, sample_weight, self.dtype)
        squares = ops.sum(ops.square(batch.probabilities - batch.targets), axis=-1)
        self.squares.assign_add(ops.sum(batch.weight * squares))
        self.total.assign_add(ops.sum(batch.weight))

    def result(self) -> Tensor:
        return ops.divide_no_nan(self.squares, self.total)
