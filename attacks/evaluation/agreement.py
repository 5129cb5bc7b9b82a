"""How often a clone gives the labels of a reference, on rows that nobody trained on."""

import collections
import dataclasses

import keras
import numpy as np

from attacks.clone.clone import Clone
from models.data.splits import Rows
from models.data.streamed import Inputs
from models.inference import predict

# Neighbouring cells of the grid have the same clones; see `CloneTrainer`.
_REMEMBERED = 64

# Metrics that only an evaluator who has the victim without its defence can measure.
NEED_THE_VICTIM = ("agreement_clean", "victim_accuracy_clean", "label_changes_test",
                   "distortion_kl_nats", "distortion_kl_bits", "distortion_kl_reverse_nats",
                   "distortion_kl_reverse_bits", "distortion_l1", "label_changes", "clone_kl_nats",
                   "transferability", "transferability_noise")


@dataclasses.dataclass(frozen=True)
class Examined:
    """What depends on a clone alone, whatever the defence.

    Attributes:
        test_labels: The clone's labels on the rows that figures are measured on.
        figures: Metrics, by name.
    """
    test_labels: np.ndarray
    figures: dict[str, float | None]


class AgreementEvaluator:
    """Measures clones against given labels, such as the answers of an endpoint.

    The labels are all that is known of the victim. Metrics that need more are None.

    Args:
        test: The rows that figures are measured on.
        test_labels: The victim's labels on them, `[rows]`.
        evaluation: The rows that choices made for all thieves alike are based on.
        evaluation_labels: The victim's labels on them, `[rows]`.
    """

    def __init__(self, test: Rows, test_labels: np.ndarray, evaluation: Rows,
                 evaluation_labels: np.ndarray):
        self.test, self.test_labels = test, test_labels
        self.evaluation, self.evaluation_labels = evaluation, evaluation_labels
        self._examined: collections.OrderedDict[str, Examined] = collections.OrderedDict()

    def measure(self, clone: Clone, defence: str,
                queried: np.ndarray) -> dict[str, float | int | None]:
        """Returns the metrics of a cell, by name.

        Args:
            clone: The trained clone.
            defence: Member, as written.
            queried: The inputs that were queried, for the distortion per query.

        Returns:
            Fractions are in [0, 1]; units are in the names; label changes are counts of rows. What
            cannot be known is None.
        """
        del defence, queried
        examined = self.examined(clone)
        return {
            "agreement_defended": fraction_true(examined.test_labels == self.test_labels),
            "agreement_held_out": clone.agreement_held_out,
            "clone_accuracy": fraction_true(examined.test_labels == self.test.y),
            "victim_accuracy_defended": fraction_true(self.test_labels == self.test.y),
            **examined.figures,
            **dict.fromkeys(NEED_THE_VICTIM),
        }

    def examined(self, clone: Clone) -> Examined:
        """Returns what depends on the clone alone; equal clones are examined once."""
        if clone.digest not in self._examined:
            while len(self._examined) >= _REMEMBERED:
                self._examined.popitem(last=False)  # The oldest, whatever other threads do.
            self._examined[clone.digest] = self._examine(clone)
        return self._examined[clone.digest]

    def watch(self, clone: keras.Model, step: int) -> float:
        """Returns the agreement on the rows that choices are based on."""
        del step
        return fraction_true(labels_of(clone, self.evaluation.x) == self.evaluation_labels)

    def figures(self, clone: Clone, logits: np.ndarray) -> dict[str, float | None]:
        """Returns further metrics of `Examined`; `logits` are the clone's on the test rows."""
        del clone, logits
        return {}

    def _examine(self, clone):
        validation = clone.last_watched
        if validation is None:
            labels = clone.logits(self.evaluation.x).argmax(axis=1)
            validation = fraction_true(labels == self.evaluation_labels)
        logits = clone.logits(self.test.x)
        figures = {"agreement_validation": validation, **self.figures(clone, logits)}
        return Examined(logits.argmax(axis=1), figures)


def labels_of(model: keras.Model, inputs: Inputs) -> np.ndarray:
    """Returns the lowest-index argmax of each row."""
    return predict(model, inputs).argmax(axis=1)


def fraction_true(values: np.ndarray) -> float:
    """Returns the fraction of the booleans that are true."""
    return float(np.mean(values))
