"""Whether confidence tells right answers from wrong ones."""
from typing import Any

import keras
from keras import ops

from revsig_keras.arguments import check_integer
from revsig_keras.defences.numerics.probabilities import Tensor
from revsig_keras.metrics.docstrings import documented
from revsig_keras.metrics.labelled_rows import bin_sums
from revsig_keras.metrics.labelled_rows import read_rows

# Log-odds of the confidences that float32 can tell from 0 and 1 are inside +- this.
_LOG_ODDS = 17.0


@keras.saving.register_keras_serializable(package="revsig_keras")
@documented
class ConfidenceAUROC(keras.metrics.Metric):
    """AUROC of the top-1 confidence as a test of being right, in [0, 1]; higher is better.

    The probability that a right answer has a higher confidence (largest probability) than a wrong
    one. At 0.5, confidence says nothing. A defence that keeps the order of the confidences costs
    nothing here, even if it ruins calibration.

    Formula:

    ```
    auroc = P(confidence_right > confidence_wrong) + P(confidence_right = confidence_wrong) / 2
    ```

    Confidences are counted in bins of equal width in log-odds, from -17 to 17 (the range of
    float32), so sure answers are told apart as well as others. Two confidences in one bin count as
    equal: the error is at most half the fraction of pairs (right, wrong) that fall into one bin.

    NaN when no answer is right, or none is wrong: there is nothing to compare then. {invalid rows}

    Args:
        bins: Integer, number of bins. Defaults to `2048`.
        name: Optional string. Defaults to `'confidence_auroc'`.
        {dtype}

    {call arguments}

    Example:

    >>> metric = ConfidenceAUROC()
    >>> metric.update_state([0, 0, 0], [[0.9, 0.1], [0.6, 0.4], [0.3, 0.7]])
    >>> float(metric.result())
    0.5

    References:
        - [Hendrycks and Gimpel, A Baseline for Detecting Misclassified and Out-of-Distribution
          Examples in Neural Networks](https://arxiv.org/abs/1610.02136), section 2
    """

    def __init__(self,
                 bins: int = 2048,
                 name: str | None = "confidence_auroc",
                 dtype: str | keras.DTypePolicy | None = None):
        super().__init__(name=name, dtype=dtype)
        self.bins = check_integer("bins", bins, least=1)
        self._direction = "up"
        self.right = self.add_weight(shape=(self.bins,), initializer="zeros", name="right")
        self.wrong = self.add_weight(shape=(self.bins,), initializer="zeros", name="wrong")

    def update_state(self,
                     y_true: Tensor,
                     y_pred: Tensor,
                     sample_weight: Tensor | None = None) -> None:
        batch = read_rows(y_true, y_pred, sample_weight, self.dtype)
        certain = ops.equal(batch.confidence, 1.0)
        odds = batch.confidence / ops.where(certain, 1.0, 1.0 - batch.confidence)
        log_odds = ops.where(certain, _LOG_ODDS, ops.log(odds))
        index = ops.floor((log_odds + _LOG_ODDS) * (self.bins / (2.0 * _LOG_ODDS)))
        self.right.assign_add(bin_sums(index, batch.weight * batch.right, self.bins))
        self.wrong.assign_add(bin_sums(index, batch.weight * (1.0 - batch.right), self.bins))

    def result(self) -> Tensor:
        right = self.right / ops.sum(self.right)
        wrong = self.wrong / ops.sum(self.wrong)
        return ops.sum(right * (ops.cumsum(wrong) - wrong / 2.0))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "bins": self.bins}
