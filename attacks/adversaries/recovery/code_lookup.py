"""Looks the answers of a coded defence up, code by code."""

import numpy as np

from attacks.adversaries.recovery.simulation import Pairs
from revsig_keras.defences.coded.base import CodedDefence


class CodeMeans:
    """The means of the clean rows of each code.

    A code is a bucket and the order of the first classes, mostly of the label alone.

    Formula, for an answer with the bucket b, of n clean rows y_i that have its code:

    ```
    target = (sum of the n y_i + prior_rows m) / (n + prior_rows)
    m_j = mean share of the first class, if j is the first one; likewise of the second and so on,
          and of each other class, over all clean rows in bucket b, whatever their classes
    ```

    If no clean row is in the bucket, m has the confidence to which the defence was fitted for its
    label; the other classes share the rest equally, or as in an answer that tells their order. The
    bucket of an answer is that of its label's share, or the one with the closest share, so that a
    wrong table can be tried too.

    Args:
        pairs: The clean rows with their answers.
        layer: The defence.
        prior_rows: See above. At 0, m counts for answers whose code no clean row has.
    """

    def __init__(self, pairs: Pairs, layer: CodedDefence, prior_rows: float):
        self._prior_rows, self._codes = prior_rows, Codes(layer, pairs.clean.shape[1])
        self._by_place = self._codes.means_by_place(pairs)
        self._numbers: dict[bytes, int] = {}
        groups = [self._numbers.setdefault(key, len(self._numbers))
                  for key in self._codes.keys(pairs.answers)]  # yapf: disable
        # The last group, without rows, is that of other codes.
        self._counts, self._sums = _sums_by(groups, pairs.clean, len(self._numbers) + 1)
        self.nbytes = self._sums.nbytes + 100 * len(self._numbers)

    def __call__(self, answers: np.ndarray) -> np.ndarray:
        """Recovers the rows `[n, num_classes]` of answers."""
        groups = [self._numbers.get(key, -1) for key in self._codes.keys(answers)]
        counts, sums = self._counts[groups][:, None], self._sums[groups]
        prior_rows = self._prior_rows or (counts == 0)
        prior = self._codes.rows(answers, self._by_place)
        return ((sums + prior_rows * prior) / (counts + prior_rows)).astype(np.float32)


class Codes:
    """What the answers of a coded defence tell.

    The *place* of a class is 0 for the label, 1 for the second and so on, as far as the answer
    tells the order; all others have the place after these.

    Args:
        layer: The defence.
        num_classes: The number of classes.
    """

    def __init__(self, layer: CodedDefence, num_classes: int):
        table = layer.table(num_classes)
        self._shares = np.array(table["label_shares"])
        self._confidences = np.array(table["confidences"])
        self._ordered, self._classes = layer.ordered_classes, num_classes
        others = np.ones([len(self._shares), 1])
        if self._ordered > 1:
            others = layer.shares(num_classes)[:, 1:]
        self._others = others

    def keys(self, answers: np.ndarray) -> list[bytes]:
        """Returns a key for each answer `[n, num_classes]`, equal for equal codes."""
        told = np.column_stack([self._buckets(answers), self._order(answers)]).astype(np.int32)
        return [row.tobytes() for row in told]

    def means_by_place(self, pairs: Pairs) -> np.ndarray:
        """Returns the mean clean share of a class, by bucket and place."""
        first = np.take_along_axis(pairs.clean, self._order(pairs.answers), axis=1)
        rest = (1 - first.sum(axis=1, keepdims=True)) / (self._classes - self._ordered)
        counts, sums = _sums_by(self._buckets(pairs.answers), np.hstack([first, rest]),
                                len(self._shares))
        return np.where(counts[:, None] > 0, sums / np.maximum(counts, 1)[:, None], self._decoded())

    def rows(self, answers: np.ndarray, by_place: np.ndarray) -> np.ndarray:
        """Returns a row for each answer, with the share of each class by bucket and place."""
        places = np.full(answers.shape, self._ordered)
        np.put_along_axis(places, self._order(answers), np.arange(self._ordered)[None], axis=1)
        return by_place[self._buckets(answers)[:, None], places]

    def _buckets(self, answers):
        return np.searchsorted((self._shares[1:] + self._shares[:-1]) / 2, answers.max(axis=1))

    def _order(self, answers):
        return np.argsort(-answers, axis=1, kind="stable")[:, :self._ordered]

    def _decoded(self):
        """The share of a class, by bucket and place, as an honest client decodes it."""
        weights = np.ones(self._ordered)
        weights[-1] = self._classes - self._ordered
        rest = self._others / (self._others * weights).sum(axis=1, keepdims=True)
        confidences = self._confidences[:, None]
        return np.hstack([confidences, (1 - confidences) * rest])


def _sums_by(groups, rows, count):
    """The number of rows in each group, and their sums `[count, columns]`, in float64."""
    columns = [np.bincount(groups, column, count) for column in rows.T]
    return np.bincount(groups, minlength=count), np.stack(columns, axis=1)
