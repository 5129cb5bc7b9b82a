"""What defences cost honest users, measured on the owner's rows."""
from collections.abc import Callable, Iterator
import dataclasses

import numpy as np

from revsig_keras.strength.utility import Utility
from revsig_keras.strength.utility import utility_of

# Entries of answers at a time.
_BATCH_ENTRIES = 2**21
_TINY = np.finfo("float32").tiny
# Answers of several variants of a defence, `(variants, rows, classes)`, to rows `(rows, classes)`.
Defend = Callable[[np.ndarray], np.ndarray]


@dataclasses.dataclass(frozen=True, eq=False)
class OwnerRows:
    """Clean rows of the owner's classifier.

    Attributes:
        probabilities: Array `(rows, classes)` of float32, as a defence receives them.
        labels: Integer array `(rows,)`, the true classes; `None` where they are unknown.
    """
    probabilities: np.ndarray
    labels: np.ndarray | None

    def __len__(self) -> int:
        return len(self.probabilities)

    @property
    def classes(self) -> int:
        """The number of classes."""
        return self.probabilities.shape[1]

    def halves(self) -> tuple["OwnerRows", "OwnerRows"]:
        """Returns two halves, drawn at random, the same each time."""
        order = np.random.default_rng(0).permutation(len(self))
        return self._at(order[::2]), self._at(order[1::2])

    def batches(self, size: int) -> Iterator["OwnerRows"]:
        """Yields so many rows at a time."""
        for start in range(0, len(self), size):
            yield self._at(slice(start, start + size))

    def _at(self, index: np.ndarray | slice) -> "OwnerRows":
        labels = None if self.labels is None else self.labels[index]
        return OwnerRows(self.probabilities[index], labels)


@dataclasses.dataclass(frozen=True)
class Costs:
    """What a defence does to answers: means over the rows.

    Attributes:
        l1: Mean L1 distance between clean and defended answers.
        kl_nats: Mean KL(clean || defended) in nats.
        top1_confidence_shift: Mean of defended minus clean probability of the clean label.
        label_changes: Number of rows whose label changed.
        utility: What the defended answers are worth, `None` without labels.
    """
    l1: float
    kl_nats: float
    top1_confidence_shift: float
    label_changes: int
    utility: Utility | None


def clean_utility(rows: OwnerRows) -> Utility | None:
    """Returns what the clean answers are worth, `None` without labels."""
    return measure(rows, lambda clean: clean[None], 1)[0].utility


def measure(rows: OwnerRows,
            defend: Defend,
            variants: int,
            advance: Callable[[int], None] = lambda rows: None) -> list[Costs]:
    """Measures the costs of variants of a defence in one pass over the rows.

    Args:
        rows: The clean rows.
        defend: Returns the answers of all variants.
        variants: Integer, their number.
        advance: Called with the number of rows after each batch, to show progress.
    """
    size = max(1, _BATCH_ENTRIES // (variants * rows.classes))
    parts = []
    for batch in rows.batches(size):
        parts.append(_measure_batch(batch, defend(batch.probabilities)))
        advance(len(batch))
    columns = {name: np.concatenate([part[name] for part in parts], axis=1) for name in parts[0]}
    each = ({name: column[i] for name, column in columns.items()} for i in range(variants))
    return list(map(_summary, each))


def _measure_batch(rows: OwnerRows, answers: np.ndarray) -> dict[str, np.ndarray]:
    """Returns figures `(variants, rows)` by name."""
    p = rows.probabilities.astype("float64")
    p /= p.sum(axis=1, keepdims=True)
    entropy = -(p * np.log(np.maximum(p, _TINY))).sum(axis=1)
    p = p.astype("float32")
    labels = rows.probabilities.argmax(axis=1)
    answered = answers.argmax(axis=2)

    def at(places: np.ndarray) -> np.ndarray:
        places = np.broadcast_to(places, answered.shape)[..., None]
        return np.take_along_axis(answers, places, axis=2)[..., 0]

    work = answers - p
    columns = {
        "l1": np.abs(work, out=work).sum(axis=2),
        "shift": at(labels) - p[np.arange(len(p)), labels],
        "changed": answered != labels,
        "confidence": at(answered),
    }
    logs = np.log(np.maximum(answers, _TINY, out=work), out=work)
    columns["kl"] = -np.einsum("vnk,nk->vn", logs, p) - entropy
    if answers.min() < _TINY:  # A withheld class makes the divergence infinite.
        columns["kl"][((answers < _TINY) & (p >= _TINY)).any(axis=2)] = np.inf
    if rows.labels is not None:
        columns["right"] = answered == rows.labels
        squares = np.einsum("vnk,vnk->vn", answers, answers)
        columns["brier"] = squares - 2 * at(rows.labels) + 1
    return columns


def _summary(columns: dict[str, np.ndarray]) -> Costs:

    def mean(name: str) -> float:
        return float(columns[name].mean(dtype="float64"))

    utility = None
    if "right" in columns:
        utility = utility_of(columns["confidence"], columns["right"], columns["brier"])
    return Costs(l1=mean("l1"),
                 kl_nats=mean("kl"),
                 top1_confidence_shift=mean("shift"),
                 label_changes=int(columns["changed"].sum()),
                 utility=utility)
