"""Looks the answers of a coded defence up, code by code."""

import numpy as np

from attacks.adversaries.recovery.simulation import Pairs
from revsig_keras.defences.coded.base import CodedDefence


class CodeLookup:
    """The mean of the clean rows that have a code, for each label and bucket.

    Formula, for an answer with the label c in the bucket b, and n simulated clean rows y_i that
    have this code:

    ```
    target = mean of the y_i
    target_c = confidence of b,  target_j = (1 - target_c) / (classes - 1)      if n = 0
    ```

    The confidence is the one that the defence was fitted to. The bucket is that of the label's
    share in the answer, or the one with the closest share, so that a wrong table can be tried too.

    Args:
        pairs: The simulated pairs.
        layer: The defence, as simulated.
    """

    def __init__(self, pairs: Pairs, layer: CodedDefence):
        self._classes = pairs.clean.shape[1]
        self._codes = Codes(layer, self._classes)
        codes = self._codes.of(pairs.answers)
        counts, sums = sums_by(codes, pairs.clean, len(self._codes))
        self._counts, self._means = counts, sums / np.maximum(counts, 1)[:, None]
        self.nbytes = self._counts.nbytes + self._means.nbytes

    def __call__(self, answers: np.ndarray) -> np.ndarray:
        """Recovers the rows `[n, num_classes]` of answers."""
        codes = self._codes.of(answers)
        is_known = self._counts[codes] > 0
        decoded = self._codes.rows(codes, self._codes.confidences)
        return np.where(is_known[:, None], self._means[codes], decoded).astype(np.float32)


class Codes:
    """The codes of a coded defence, numbered: bucket + buckets * label.

    Args:
        layer: The defence.
        num_classes: The number of classes.

    Attributes:
        confidences: The calibrated confidence of each bucket.
    """

    def __init__(self, layer: CodedDefence, num_classes: int):
        table = layer.table(num_classes)
        self.confidences = np.array(table["confidences"])
        self._shares = np.array(table["label_shares"])
        self._classes = num_classes

    def __len__(self):
        return self._classes * len(self._shares)

    @property
    def buckets(self) -> int:
        """The number of buckets."""
        return len(self._shares)

    def of(self, answers: np.ndarray) -> np.ndarray:
        """Returns the codes of answers `[n, num_classes]`."""
        buckets = np.searchsorted((self._shares[1:] + self._shares[:-1]) / 2, answers.max(axis=1))
        return buckets + self.buckets * answers.argmax(axis=1)

    def rows(self, codes: np.ndarray, confidences: np.ndarray) -> np.ndarray:
        """Returns a row for each code: the label has the confidence of its bucket, of those given,
        and the others share the rest equally."""
        labels, buckets = np.divmod(codes, self.buckets)
        tops = confidences[buckets][:, None]
        is_label = np.eye(self._classes, dtype=bool)[labels]
        return np.where(is_label, tops, (1 - tops) / (self._classes - 1))


def sums_by(groups: np.ndarray, rows: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns the number of rows in each group, and their sums `[count, columns]`, in float64."""
    columns = [np.bincount(groups, column, count) for column in rows.T]
    return np.bincount(groups, minlength=count), np.stack(columns, axis=1)
