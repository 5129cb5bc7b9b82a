"""Reads and validates the answers of a classifier."""
import numpy as np

from models.training.plan import SUM_TOLERANCE

# What the output of a classifier can be.
KINDS = ("probabilities", "logits", "labels")


def as_rows(raw: np.ndarray, rows: int, num_classes: int) -> np.ndarray:
    """Returns the numbers in an output of a model, one row for each input.

    Args:
        raw: The output, of any dtype and shape; axes of size 1 after the first are dropped.
        rows: The number of inputs that were sent.
        num_classes: The number of classes of the data.

    Returns:
        Array `[rows, num_classes]` or `[rows, 1]` in float32.

    Raises:
        ValueError: If the output is not of numbers, or has another number of rows or classes.
    """
    raw = np.asarray(raw)
    sizes = [size for size in raw.shape[1:] if size != 1] or [1]
    if raw.ndim == 0 or len(raw) != rows or len(sizes) > 1:
        raise ValueError(f"An answer must be of shape ({rows}, {num_classes}) for {rows} inputs of "
                         f"{num_classes} classes. Received: shape {raw.shape}")
    if raw.dtype.kind not in "iuf" and raw.dtype.name != "bfloat16":
        raise ValueError("An answer must be numbers, probabilities or labels. Received: "
                         f"{raw.dtype}; choose another output")
    if rows and sizes[0] not in (1, num_classes):
        raise ValueError(f"An answer must have {num_classes} classes, as the data has. Received: "
                         f"{sizes[0]} numbers per row")
    return raw.astype(np.float32).reshape(rows, sizes[0] if rows else num_classes)


def read_answers(raw: np.ndarray, rows: int, num_classes: int) -> np.ndarray:
    """Returns the answers in an output of a served model.

    Args:
        raw: The output, of any dtype and shape.
        rows: The number of inputs that were sent.
        num_classes: The number of classes of the data.

    Returns:
        Array `[rows, num_classes]` in float32. Rows of numbers are returned as they came;
        `check_probabilities` tells whether they are probabilities. One float per row is the
        probability of the second of two classes. A whole number per row is a label, counted from
        0, which becomes a row of zeros and a one.

    Raises:
        ValueError: If the output is none of these, or has another number of rows or classes.
    """
    answers = as_rows(raw, rows, num_classes)
    if answers.shape[1] == num_classes:
        return answers
    if np.asarray(raw).dtype.kind in "iu":
        return _one_hot(np.asarray(raw).reshape(-1), num_classes)
    if num_classes == 2:
        return np.stack([1 - answers[:, 0], answers[:, 0]], axis=1)
    if not np.array_equal(answers, np.rint(answers)):
        raise ValueError(f"An answer must have {num_classes} classes, as the data has. Received: "
                         "1 numbers per row")
    return _one_hot(answers[:, 0], num_classes)


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
    check_numbers(answers)
    sums = answers.sum(axis=1, dtype=np.float64)
    if rows and np.abs(sums - 1).max() > SUM_TOLERANCE:
        raise ValueError("The oracle must answer with probabilities, each row summing to 1 (within "
                         f"{SUM_TOLERANCE}). Received: row sums from {sums.min():.4g} to "
                         f"{sums.max():.4g}")


def check_numbers(answers: np.ndarray) -> None:
    """Raises `ValueError` unless all numbers, `[rows, numbers]`, are finite and at least 0."""
    finite = np.isfinite(answers).all(axis=1)
    if not finite.all():
        raise ValueError("The oracle must answer with probabilities, finite numbers. Received: "
                         f"NaN or infinity in {np.sum(~finite)} of {len(answers)} rows")
    if not np.all(answers >= 0):
        raise ValueError("The oracle must answer with probabilities, each at least 0. Received: "
                         f"a smallest entry of {answers.min()}; does the victim emit logits?")


def are_labels(answers: np.ndarray) -> bool:
    """Returns whether all rows are zeros and a one, which tell the label alone."""
    return bool(np.isin(answers, (0, 1)).all())


def _one_hot(labels, num_classes):
    outside = labels[(labels < 0) | (labels >= num_classes)]
    if len(outside):
        raise ValueError(f"A label must be from 0 to {num_classes - 1}, as in the data. Received: "
                         f"{outside[0]}")
    return np.eye(num_classes, dtype=np.float32)[labels.astype(np.int64)]
