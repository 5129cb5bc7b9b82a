"""A trained clone."""

from collections.abc import Sequence
import dataclasses
import os
from typing import Any

import numpy as np

from attacks.clone.shared_model import SharedModel
from models.data.streamed import Inputs


@dataclasses.dataclass(frozen=True, eq=False)
class Clone:
    """A trained clone, which answers with its own weights whatever was trained since.

    Attributes:
        model: The model that answers with the weights.
        weights: As `keras.Model.get_weights` gives them.
        steps: Steps trained, including those of the clones that it started from.
        train_seconds: Seconds of training without compilation and `watch`; likewise.
        curve: Pairs of a step and the value that `watch` returned there.
        digest: Digest of the training; clones of equal digests are equal.
        agreement_held_out: Fraction of the thief's own held-out rows on which the clone gives the
            answered label, or None where no rows are held out.
        learned: What the training has found out, by name, such as learned variables of the
            objective.
        input_seconds: Seconds that the training waited for its batches, without those of the clones
            that it started from.
    """
    model: SharedModel
    weights: Sequence[np.ndarray]
    steps: int
    train_seconds: float
    curve: tuple[tuple[int, float], ...]
    digest: str
    agreement_held_out: float | None = None
    learned: dict[str, float | str] = dataclasses.field(default_factory=dict)
    input_seconds: float = 0.0

    def logits(self, inputs: Inputs) -> np.ndarray:
        """The logits `[n, num_classes]` for inputs `[n, ...]`."""
        return self.model.logits(self.weights, inputs)

    def probabilities(self, inputs: Inputs) -> np.ndarray:
        """The softmax of the logits, float32."""
        return self.model.probabilities(self.weights, inputs)

    def gradients(self, inputs: np.ndarray, classes: np.ndarray, of: str = "logit") -> np.ndarray:
        """The gradient of one score per row; see `models.gradients.input_gradients`."""
        return self.model.gradients(self.weights, inputs, classes, of)

    def save(self, path: str | os.PathLike) -> None:
        """Writes the clone as a Keras file that answers with probabilities."""
        self.model.save(self.weights, path)

    @property
    def nbytes(self) -> int:
        """Size of the weights."""
        return sum(weight.nbytes for weight in self.weights)

    @property
    def last_watched(self) -> float | None:
        """The value of `watch` for this clone, or None if it is not known.

        With held-out rows, the clone may be that of an earlier step than the last one watched.
        """
        return self.curve[-1][1] if self.curve and self.agreement_held_out is None else None

    def describe(self) -> dict[str, Any]:
        """The part of a cell's record that tells of the clone."""
        return {
            "steps": self.steps,
            "train_seconds": self.train_seconds,
            "input_seconds": self.input_seconds,
            "digest": self.digest,
            "agreement_validation_curve": [list(point) for point in self.curve],
            "learned": self.learned,
        }
