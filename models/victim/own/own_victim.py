"""A victim that was trained elsewhere."""
from collections.abc import Callable
from typing import Any

import numpy as np

from models.answers import answers
from models.data.streamed import chunks
from models.data.streamed import Inputs
from models.inference import log_softmax


class OwnVictim:
    """A victim of which nothing is known but its answers.

    Args:
        answer: From a batch of inputs of the data set `[n, ...]` to the raw output of the model.
        kind: What the output is, of `models.answers.answers.KINDS`.
        record: Its description; with `num_classes` and `fingerprint`.
    """

    def __init__(self, answer: Callable[[np.ndarray], np.ndarray], kind: str, record: dict[str,
                                                                                           Any]):
        self._answer, self.kind, self.record = answer, kind, record

    @property
    def num_classes(self) -> int:
        """The number of classes."""
        return self.record["num_classes"]

    @property
    def labels_only(self) -> bool:
        """Whether it answers with labels."""
        return self.kind == "labels"

    def fingerprint(self) -> str:
        """Returns the digest that tells it from other victims, in hexadecimal."""
        return self.record["fingerprint"]

    def probabilities(self, x: Inputs) -> np.ndarray:
        """Returns the answers for `x`, float32, `[n, num_classes]`; labels as rows of zeros and a
        one."""
        scores = self._scores(x)
        if self.kind == "logits":
            return np.exp(log_softmax(scores)).astype(np.float32)
        return scores

    def log_probabilities(self, x: Inputs) -> np.ndarray | None:
        """Returns the logarithms of the probabilities for `x`, float64, `-inf` for 0.

        `None` for a victim that answers with labels.
        """
        if self.labels_only:
            return None
        scores = self._scores(x)
        if self.kind == "logits":
            return log_softmax(scores)
        with np.errstate(divide="ignore"):
            return np.log(scores.astype(np.float64))

    def _scores(self, x):
        read = [
            answers.read_scores(self._answer(chunk), len(chunk), self.num_classes, self.kind)
            for chunk in chunks(x)
        ]
        return np.concatenate(read) if read else np.zeros([0, self.num_classes], np.float32)
