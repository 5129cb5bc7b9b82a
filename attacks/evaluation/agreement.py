"""How often a clone gives the labels of a reference, on rows that nobody trained on."""

import abc
import collections
import dataclasses

import keras
import numpy as np

from attacks.clone.clone import Clone
from models.data.splits import Rows
from models.data.streamed import Inputs
from models.inference import predict

# Neighbours in the grid have the same clones; see `CloneTrainer`.
_REMEMBERED = 64


@dataclasses.dataclass(frozen=True)
class Examined:
    """What depends on a clone alone, whatever the defence.

    Attributes:
        test_labels: The clone's labels on the rows that figures are measured on.
        figures: Metrics, by name.
    """
    test_labels: np.ndarray
    figures: dict[str, float | None]


class AgreementEvaluator(abc.ABC):
    """Measures clones against the labels of what is stolen, as no thief can.

    Args:
        test: The rows that figures are measured on.
        test_labels: Labels of what is stolen on them, `[rows]`.
        evaluation: The rows on which is chosen what is chosen for all thieves alike.
        evaluation_labels: Likewise.
    """

    def __init__(self, test: Rows, test_labels: np.ndarray, evaluation: Rows,
                 evaluation_labels: np.ndarray):
        self.test, self.test_labels = test, test_labels
        self.evaluation, self.evaluation_labels = evaluation, evaluation_labels
        self._examined: collections.OrderedDict[str, Examined] = collections.OrderedDict()

    def examined(self, clone: Clone) -> Examined:
        """What depends on the clone alone; equal ones, of several cells, are examined once."""
        if clone.digest not in self._examined:
            while len(self._examined) >= _REMEMBERED:
                self._examined.popitem(last=False)  # The oldest, whatever other threads do.
            self._examined[clone.digest] = self._examine(clone)
        return self._examined[clone.digest]

    def _examine(self, clone):
        validation = clone.last_watched
        if validation is None:
            labels = clone.logits(self.evaluation.x).argmax(axis=1)
            validation = share(labels == self.evaluation_labels)
        logits = clone.logits(self.test.x)
        figures = {"agreement_validation": validation, **self.figures(clone, logits)}
        return Examined(logits.argmax(axis=1), figures)

    def figures(self, clone: Clone, logits: np.ndarray) -> dict[str, float | None]:
        """Further metrics of `Examined`; `logits` are those of the clone on the test rows."""
        del clone, logits
        return {}

    def watch(self, clone: keras.Model, step: int) -> float:
        """Agreement on the rows that are chosen with."""
        del step
        return share(labels_of(clone, self.evaluation.x) == self.evaluation_labels)

    @abc.abstractmethod
    def measure(self, clone: Clone, defence: str,
                queried: np.ndarray) -> dict[str, float | int | None]:
        """The metrics of a cell.

        Args:
            clone: The trained clone.
            defence: Member, as written.
            queried: The inputs that were queried, for the distortion per query.

        Returns:
            Shares are in [0, 1]; units are in the names; label changes are counts of rows. What
            cannot be known is None.
        """


def labels_of(model: keras.Model, inputs: Inputs) -> np.ndarray:
    """The lowest-index argmax of each row."""
    return predict(model, inputs).argmax(axis=1)


def share(equal: np.ndarray) -> float:
    """The share of what is true."""
    return float(np.mean(equal))
