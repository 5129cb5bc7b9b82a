"""Reads the clean rows that a coded defence is fitted to, in NumPy and float64."""
import dataclasses

import numpy as np

# Softmax in bfloat16 gives sums of 1 +- 0.012.
_TOLERANCE = 2.0**-5


@dataclasses.dataclass(frozen=True)
class CleanRows:
    """Clean rows, as a layer receives them.

    Attributes:
        y: Array of float64, with the classes on the last axis; sigmoid units, if `has_units`.
        from_logits: Whether they are logits.
        has_units: Whether each entry is a sigmoid unit.
    """
    y: np.ndarray
    from_logits: bool
    has_units: bool

    def __post_init__(self) -> None:
        y = self.y
        if not np.isfinite(y).all():
            raise ValueError("`probabilities` must be finite. Received: "
                             f"{np.count_nonzero(~np.isfinite(y))} entries that are not")
        are_probabilities = bool((y >= 0).all() and (y <= 1 + _TOLERANCE).all())
        if not self.has_units:
            sums = y.sum(axis=-1)
            are_probabilities &= bool((np.abs(sums - 1) <= _TOLERANCE).all())
        elif self.from_logits:
            return  # Logits of units may lie anywhere.
        if self.from_logits == are_probabilities:
            expected = "logits" if self.from_logits else "probabilities, not logits"
            raise ValueError(f"`probabilities` must be {expected}, as the layer receives them. "
                             f"Received: entries from {y.min():.4g} to {y.max():.4g}")

    def labels_and_doubts(self) -> tuple[np.ndarray, np.ndarray]:
        """Returns the label of each row, and 1 - y_top, summed over the other classes."""
        if self.has_units:
            # From logits without a difference that cancels.
            small = 1 / (1 + np.exp(np.abs(self.y))) if self.from_logits else np.minimum(
                self.y, 1 - self.y)
            above = self.y > (0.0 if self.from_logits else 0.5)
            return above.astype("int64"), np.maximum(small, 0.0)
        y = self.y
        if self.from_logits:
            y = np.exp(y - y.max(axis=-1, keepdims=True))
        labels = y.argmax(axis=-1)
        others = np.where(np.arange(y.shape[-1]) == labels[..., None], 0.0, y).sum(axis=-1)
        return labels, others / y.sum(axis=-1)


def which_are_right(predicted: np.ndarray, labels: np.ndarray, classes: int) -> np.ndarray:
    """Returns which labels are the true ones, as a Boolean array.

    Raises:
        ValueError: If the true labels are not of this shape, or no classes.
    """
    shape = predicted.shape
    if (labels.size != predicted.size or not np.isin(labels, np.arange(classes)).all()):
        raise ValueError(f"`labels` must be classes from 0 to {classes - 1}, of shape {shape}. "
                         f"Received: shape={labels.shape}")
    return labels.reshape(shape) == predicted
