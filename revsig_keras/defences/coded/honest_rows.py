"""What an honest client reads from the answers of a coded defence."""
import numpy as np

from revsig_keras.defences.coded.base import CodedDefence


def honest_rows(layer: CodedDefence, answers: np.ndarray) -> np.ndarray:
    """Returns the distributions that a client reads from answers, in float64.

    The label has its calibrated confidence. The others share the rest equally, or in proportion to
    the answer where it tells their order.

    Args:
        layer: The coded defence.
        answers: Array `(rows, classes)` of its answers.
    """
    decoded = layer.decode(answers)
    labels = decoded.labels[:, None]
    rest = answers.astype("float64") if layer.ordered_classes > 1 else np.ones(answers.shape)
    np.put_along_axis(rest, labels, 0.0, axis=1)
    rows = rest / rest.sum(axis=1, keepdims=True) * (1.0 - decoded.confidences)[:, None]
    np.put_along_axis(rows, labels, decoded.confidences[:, None], axis=1)
    return rows
