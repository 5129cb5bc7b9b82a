"""What an honest user gets from the answers of a victim, and how much these tell."""

import numpy as np

from attacks.oracle.defended_victim import DefendedVictim
from attacks.oracle.defended_victim import finite_or_none
from revsig_keras import metrics

# Confidences that are closer than 34 / _BINS in log-odds count as equal.
_BINS = 2**16
# Entries of answers per update of a metric.
_BATCH_ENTRIES = 2**21
_FIRST = 5
_DECIMALS = 6

_FIGURES = ("confidence_auroc", "ece", "brier", "top5_accuracy")
# What `utility` measures.
UTILITY = (
    *(f"{figure}_{kind}" for figure in _FIGURES for kind in ("clean", "defended", "decoded")),
    "distortion_l1_test",
    "distortion_l1_decoded",
    "answer_entropy_bits",
)


def utility(victim: DefendedVictim, answers: np.ndarray, clean: np.ndarray,
            truth: np.ndarray) -> dict[str, float | None]:
    """Measures what the answers of a victim are worth to an honest user.

    `clean` stands for the victim without its defence, `defended` for the answers as given, and
    `decoded` for what a client that knows the defence reads from them.

    Args:
        victim: The victim under its defence.
        answers: Its answers `[rows, classes]`, as given.
        clean: The answers without the defence.
        truth: The true labels `[rows]`.

    Returns:
        The figures `UTILITY`; those of decoded answers are `None` where nothing is decoded, and
        any other where it is not defined.
    """
    read = {"clean": clean, "defended": answers, "decoded": victim.decode(answers)}
    figures = {
        f"{figure}_{kind}": value for kind, rows in read.items() if rows is not None
        for figure, value in worth(rows, truth).items()
    }
    figures["distortion_l1_test"] = _distance(answers, clean)
    figures["answer_entropy_bits"] = entropy_given_label(answers)
    if read["decoded"] is not None:
        figures["distortion_l1_decoded"] = _distance(read["decoded"], clean)
    return {name: figures.get(name) for name in UTILITY}


def worth(answers: np.ndarray, truth: np.ndarray) -> dict[str, float | None]:
    """The figures of answers with true labels, by name.

    `top5_accuracy` is the fraction of rows whose true class is among the first five. Classes of
    equal probability are in random order, so that one for which nothing speaks counts with its
    chance. `None` where there are five classes or fewer.

    Args:
        answers: Probabilities `[rows, classes]`.
        truth: The true labels `[rows]`.
    """
    measured = (metrics.ConfidenceAUROC(_BINS, dtype="float64"),
                metrics.ExpectedCalibrationError(dtype="float64"),
                metrics.BrierScore(dtype="float64"))
    step = max(1, _BATCH_ENTRIES // answers.shape[1])
    for start in range(0, len(answers), step):
        for metric in measured:
            metric.update_state(truth[start:start + step], answers[start:start + step])
    figures = [finite_or_none(float(metric.result())) for metric in measured]
    return dict(zip(_FIGURES, [*figures, _top5_accuracy(answers, truth)], strict=True))


def entropy_given_label(answers: np.ndarray) -> float:
    """The entropy in bits of an answer whose label is known, over the given rows.

    Answers count as equal if they are in six decimals. Of n rows with one label, at most log2(n)
    bits are found: where most answers differ, it is a lower bound.

    Args:
        answers: Probabilities `[rows, classes]`.
    """
    labels = answers.argmax(axis=1)
    # With the label, which rounding may lose.
    _, kinds, counts = np.unique(np.column_stack([labels, answers.round(_DECIMALS)]),
                                 axis=0,
                                 return_inverse=True,
                                 return_counts=True)
    sizes = np.bincount(labels)[labels]
    return float(np.mean(np.log2(sizes / counts[kinds.ravel()])))


def _top5_accuracy(answers, truth):
    if answers.shape[1] <= _FIRST:
        return None
    shares = np.take_along_axis(answers, truth[:, None], axis=1)
    ahead, equal = (answers > shares).sum(axis=1), (answers == shares).sum(axis=1)
    return float(np.mean(np.clip((_FIRST - ahead) / equal, 0, 1)))


def _distance(first, second):
    """The mean L1 distance between rows."""
    return finite_or_none(np.abs(first.astype(np.float64) - second).sum(axis=1).mean())
