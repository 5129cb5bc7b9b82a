"""How far confidence is from accuracy."""
from typing import Any

import keras
from keras import ops

from revsig_keras.arguments import check_integer
from revsig_keras.defences.numerics.probabilities import Tensor
from revsig_keras.metrics.docstrings import documented
from revsig_keras.metrics.labelled_rows import bin_sums
from revsig_keras.metrics.labelled_rows import read_rows


@keras.saving.register_keras_serializable(package="revsig_keras")
@documented
class ExpectedCalibrationError(keras.metrics.Metric):
    """Expected calibration error (ECE) of the top-1 confidence, in [0, 1]; lower is better.

    Rows are binned by their confidence, the largest probability. The ECE is the mean distance
    between the accuracy and the mean confidence of a bin:

    Formula:

    ```
    ece = sum_b weight_b / weight * |accuracy_b - confidence_b|
    bin b of B: b / B < confidence <= (b + 1) / B
    ```

    0 when there are no rows. {invalid rows}

    Args:
        bins: Integer, number of bins of equal width. Defaults to `15`.
        name: Optional string. Defaults to `'expected_calibration_error'`.
        {dtype}

    {call arguments}

    Example:

    >>> metric = ExpectedCalibrationError()
    >>> metric.update_state([0, 1], [[0.9, 0.1], [0.9, 0.1]])
    >>> round(float(metric.result()), 3)
    0.4

    References:
        - [Naeini et al., Obtaining Well Calibrated Probabilities Using Bayesian Binning
          ](https://doi.org/10.1609/aaai.v29i1.9602)
        - [Guo et al., On Calibration of Modern Neural Networks](https://arxiv.org/abs/1706.04599),
          eq. (3); 15 bins as there
    """

    def __init__(self,
                 bins: int = 15,
                 name: str | None = "expected_calibration_error",
                 dtype: str | keras.DTypePolicy | None = None):
        super().__init__(name=name, dtype=dtype)
        self.bins = check_integer("bins", bins, least=1)
        self._direction = "down"
        # The weight of a bin times |accuracy - confidence| is |sum of weight (right - confidence)|
        self.gap = self.add_weight(shape=(self.bins,), initializer="zeros", name="gap")
        self.total = self.add_weight(shape=(), initializer="zeros", name="total")

    def update_state(self,
                     y_true: Tensor,
                     y_pred: Tensor,
                     sample_weight: Tensor | None = None) -> None:
        batch = read_rows(y_true, y_pred, sample_weight, self.dtype)
        gap = batch.weight * (batch.right - batch.confidence)
        self.gap.assign_add(bin_sums(ops.ceil(batch.confidence * self.bins) - 1, gap, self.bins))
        self.total.assign_add(ops.sum(batch.weight))

    def result(self) -> Tensor:
        return ops.divide_no_nan(ops.sum(ops.abs(self.gap)), self.total)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "bins": self.bins}
