"""Reads and validates the answers of a classifier."""
import numpy as np

from models.training.plan import SUM_TOLERANCE

# What the output of a classifier can be.
KINDS = ("probabilities", "logits", "labels")


def read_answers(raw: np.ndarray, rows: int, num_classes: int) -> np.ndarray:
    """Returns the answers in an output of a served model.

    Args:
        raw: The output, of any dtype and shape.
        rows: The number of inputs that were sent.
        num_classes: The number of classes of the data.

    Returns:
        Array `[rows, num_classes]` in float32. Rows of numbers are returned as they came;
        `check_probabilities` tells whether they are probabilities. One float per row is the
        probability of the second of two classes. A whole number per row is a label, which becomes
        a row of zeros and a one.

    Raises:
        ValueError: If the output is none of these, or has another number of rows or classes.
    """
    raw = np.asarray(raw)
    if raw.ndim not in (1, 2) or len(raw) != rows:
        raise ValueError(f"An answer must be of shape ({rows}, {num_classes}) for {rows} inputs of "
                         f"{num_classes} classes. Received: shape {raw.shape}")
    columns = raw.reshape(rows, -1).shape[1] if rows else num_classes
    if raw.dtype.kind not in "iuf" and raw.dtype.name != "bfloat16":
        raise ValueError("An answer must be numbers, probabilities or labels. Received: "
                         f"{raw.dtype}; choose another output")
    if columns == 1 and raw.dtype.kind in "iu":
        return _one_hot(raw.reshape(-1), num_classes)
    if columns == 1 and num_classes == 2:
        unit = raw.reshape(-1).astype(np.float32)
        return np.stack([1 - unit, unit], axis=1)
    if columns != num_classes:
        raise ValueError(f"An answer must have {num_classes} classes, as the data has. Received: "
                         f"{columns} numbers per row")
    return raw.reshape(rows, -1).astype(np.float32)


def kind_of(raw: np.ndarray, rows: int, num_classes: int) -> str:
    """Returns what the output of a classifier is, of `KINDS`.

    Whole numbers, and rows of zeros and a one, are labels; distributions are probabilities; finite
    numbers, some of them outside of [0, 1], are logits.

    Args:
        raw: The output for inputs enough to tell.
        rows: The number of inputs.
        num_classes: The number of classes of the data.

    Raises:
        ValueError: If it is none of these.
    """
    scores = read_answers(raw, rows, num_classes)
    if are_labels(scores):
        return "labels"
    try:
        check_probabilities(scores, rows)
        return "probabilities"
    except ValueError as error:
        if np.isfinite(scores).all() and (scores.min() < 0 or scores.max() > 1):
            return "logits"
        raise ValueError(
            "The answers must be probabilities, logits or labels, and numbers in "
            f"[0, 1] whose sum is not 1 are none of these. Received: {error}") from error


def read_scores(raw: np.ndarray, rows: int, num_classes: int, kind: str) -> np.ndarray:
    """Returns the answers in an output of a known kind, as `read_answers` does.

    One float per row, where it is a logit u, is that of the second of two classes: (0, u).
    """
    scores = read_answers(raw, rows, num_classes)
    if kind == "logits" and np.asarray(raw).size == rows:
        return np.stack([np.zeros_like(scores[:, 1]), scores[:, 1]], axis=1)
    return scores


def check_probabilities(answers: np.ndarray, rows: int) -> None:
    """Raises `ValueError` unless every row is a distribution.

    A row's sum may differ from 1 by 0.01, the effect of rounding 1,000 classes to float16.
    """
    if answers.ndim != 2 or len(answers) != rows:
        raise ValueError(f"The oracle must answer {rows} inputs with probabilities of shape "
                         f"({rows}, classes). Received: shape {answers.shape}")
    finite = np.isfinite(answers).all(axis=1)
    if not finite.all():
        raise ValueError("The oracle must answer with probabilities, finite numbers. Received: "
                         f"NaN or infinity in {np.sum(~finite)} of {rows} rows")
    if not np.all(answers >= 0):
        raise ValueError("The oracle must answer with probabilities, each at least 0. Received: "
                         f"a smallest entry of {answers.min()}; does the victim emit logits?")
    sums = answers.sum(axis=1, dtype=np.float64)
    if rows and np.abs(sums - 1).max() > SUM_TOLERANCE:
        raise ValueError("The oracle must answer with probabilities, each row summing to 1 (within "
                         f"{SUM_TOLERANCE}). Received: row sums from {sums.min():.4g} to "
                         f"{sums.max():.4g}")


def are_labels(answers: np.ndarray) -> bool:
    """Returns whether all rows are zeros and a one, which tell the label alone."""
    return bool(np.isin(answers, (0, 1)).all())


def _one_hot(labels, num_classes):
    outside = labels[(labels < 0) | (labels >= num_classes)]
    if len(outside):
        raise ValueError(f"A label must be from 0 to {num_classes - 1}, as in the data. Received: "
                         f"{outside[0]}")
    return np.eye(num_classes, dtype=np.float32)[labels.astype(np.int64)]
