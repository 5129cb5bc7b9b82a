"""What the confidences in answers are worth to honest users, in NumPy."""
import dataclasses
import math

import numpy as np

_BINS = 15


@dataclasses.dataclass(frozen=True)
class Utility:
    """The figures of `revsig_keras.metrics`, of one set of answers.

    Attributes:
        confidence_auroc: AUROC of the confidence for being right; `None` where no answer is right,
            or none is wrong.
        ece: Expected calibration error, in 15 bins.
        brier: Brier score over all classes.
    """
    confidence_auroc: float | None
    ece: float
    brier: float

    def losses(self, clean: "Utility") -> dict[str, float | None]:
        """Returns by how much these answers are worse than the clean ones; negative if better."""
        auroc = None
        if self.confidence_auroc is not None and clean.confidence_auroc is not None:
            auroc = clean.confidence_auroc - self.confidence_auroc
        return {
            "auroc_loss": auroc,
            "ece_loss": self.ece - clean.ece,
            "brier_loss": self.brier - clean.brier,
        }

    def __str__(self) -> str:
        auroc = "undefined" if self.confidence_auroc is None else f"{self.confidence_auroc:.4f}"
        return f"AUROC {auroc}, ECE {self.ece:.4f}, Brier {self.brier:.4f}"


def utility_of(confidence: np.ndarray, is_right: np.ndarray, squares: np.ndarray) -> Utility:
    """Returns the figures of answers.

    Args:
        confidence: Array `(rows,)`, the largest probability of each.
        is_right: Boolean array `(rows,)`, whether the label is the true one.
        squares: Array `(rows,)`, the squared error of each row, summed over classes.
    """
    auroc = _auroc(confidence, is_right)
    return Utility(None if math.isnan(auroc) else auroc, _calibration_error(confidence, is_right),
                   float(squares.mean(dtype="float64")))


def _auroc(confidence: np.ndarray, is_right: np.ndarray) -> float:
    _, index = np.unique(confidence, return_inverse=True)
    right, wrong = (
        np.bincount(index[chosen], minlength=index.max() + 1) for chosen in (is_right, ~is_right))
    pairs = int(right.sum()) * int(wrong.sum())
    below = np.cumsum(wrong) - 0.5 * wrong
    return float(right @ below) / pairs if pairs else math.nan


def _calibration_error(confidence: np.ndarray, is_right: np.ndarray) -> float:
    index = np.ceil(confidence * _BINS).astype("int64") - 1
    gaps = np.bincount(np.clip(index, 0, _BINS - 1), is_right - confidence.astype("float64"))
    return float(np.abs(gaps).sum() / len(confidence))
