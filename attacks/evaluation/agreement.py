"""How often a clone gives the labels of a reference, on rows that nobody trained on."""

import collections
import dataclasses
import functools
import hashlib
from typing import Any

import keras
import numpy as np

from attacks.clone.clone import Clone
from attacks.evaluation.packed_rows import pack
from attacks.evaluation.packed_rows import pack_groups
from attacks.evaluation.utility import UTILITY
from models.data.splits import Rows
from models.data.streamed import chunks
from models.data.streamed import Inputs
from models.inference import predict

# Neighbouring cells of the grid have the same clones; see `CloneTrainer`.
_REMEMBERED = 64

# Metrics that only an evaluator who has the victim without its defence can measure.
NEED_THE_VICTIM = ("agreement_clean", "victim_accuracy_clean", "label_changes_test",
                   "distortion_kl_nats", "distortion_kl_bits", "distortion_kl_reverse_nats",
                   "distortion_kl_reverse_bits", "distortion_l1", "label_changes", "clone_kl_nats",
                   "transferability", "transferability_noise", *UTILITY)


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
                queried: np.ndarray | None) -> dict[str, float | int | None]:
        """Returns the metrics of a cell, by name.

        Args:
            clone: The trained clone.
            defence: Member, as written.
            queried: The inputs that were queried, for the distortion per query. `None` where
                nothing was.

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
            **self.worth(examined),
            **examined.figures,
            **dict.fromkeys(NEED_THE_VICTIM),
        }

    def rows(self, clone: Clone) -> dict[str, Any]:
        """Returns what a record keeps for each test row, so that cells can be paired by row.

        Returns:
            `count`, the number of test rows; `test_rows`, the digest of their inputs and true
            labels, equal for cells that are measured on equal rows in equal order; and
            `agreement`, by row, whether the clone gives the reference's label, packed by
            `attacks.evaluation.packed_rows.pack`. Where rows are equal or belong together, also
            `groups`, packed by `pack_groups`: such rows are drawn together.
        """
        return {
            "count": len(self.test),
            "test_rows": self._test_digest,
            "agreement": pack(self.examined(clone).test_labels == self.test_labels),
            **self._groups,
        }

    def worth(self, examined: Examined) -> dict[str, float]:
        """Returns the metrics that tell what an agreement with the reference is worth.

        Returns:
            `agreement_balanced`: the mean, over the labels that the reference gives, of the
            agreement on the rows of that label. `chance_agreement`: the fraction of rows with the
            most frequent of these labels, which a constant clone reaches.
        """
        labels, places, counts = np.unique(self.test_labels,
                                           return_inverse=True,
                                           return_counts=True)
        agrees = examined.test_labels == self.test_labels
        per_label = np.bincount(places, agrees, len(labels)) / counts
        return {
            "agreement_balanced": float(per_label.mean()),
            "chance_agreement": float(counts.max() / counts.sum()),
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

    def validation(self, clone: Clone) -> float:
        """Returns the agreement of a finished clone on the rows that choices are based on."""
        if clone.last_watched is not None:
            return clone.last_watched
        labels = clone.logits(self.evaluation.x).argmax(axis=1)
        return fraction_true(labels == self.evaluation_labels)

    def figures(self, clone: Clone, logits: np.ndarray) -> dict[str, float | None]:
        """Returns further metrics of `Examined`; `logits` are the clone's on the test rows."""
        del clone, logits
        return {}

    @functools.cached_property
    def _groups(self):
        groups = self.test.groups
        is_single = groups is None or len(np.unique(groups)) == len(groups)
        return {} if is_single else {"groups": pack_groups(groups)}

    @functools.cached_property
    def _test_digest(self):
        digest = hashlib.sha256(f"{self.test.x.shape}".encode())
        for chunk in chunks(self.test.x):
            digest.update(np.ascontiguousarray(chunk))
        digest.update(np.ascontiguousarray(self.test.y))
        return digest.hexdigest()[:16]

    def _examine(self, clone):
        logits = clone.logits(self.test.x)
        figures = {"agreement_validation": self.validation(clone), **self.figures(clone, logits)}
        return Examined(logits.argmax(axis=1), figures)


def labels_of(model: keras.Model, inputs: Inputs) -> np.ndarray:
    """Returns the lowest-index argmax of each row."""
    return predict(model, inputs).argmax(axis=1)


def fraction_true(values: np.ndarray) -> float:
    """Returns the fraction of the booleans that are true."""
    return float(np.mean(values))
