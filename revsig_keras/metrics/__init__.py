"""The costs of a defence: distances between clean and defended probabilities, and Keras metrics of
the probabilities themselves.

`distortion` compares clean and defended probabilities. The Keras metrics compare labels and
probabilities, and can be given to `compile`:

>>> from revsig_keras import metrics
>>> model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, "softmax")])
>>> model.compile(metrics=[metrics.ExpectedCalibrationError(), metrics.BrierScore()])
"""
from revsig_keras.metrics.brier_score import BrierScore
from revsig_keras.metrics.confidence_auroc import ConfidenceAUROC
from revsig_keras.metrics.expected_calibration_error import ExpectedCalibrationError
from revsig_keras.metrics.pairs import Distortion
from revsig_keras.metrics.pairs import distortion

__all__ = [
    "BrierScore",
    "ConfidenceAUROC",
    "Distortion",
    "ExpectedCalibrationError",
    "distortion",
]
