"""The table of a coded defence: decodes its answers, and tells what is none of them."""
from collections.abc import Callable
import dataclasses
from typing import NamedTuple

import numpy as np


class Decoded(NamedTuple):
    """What answers tell.

    Attributes:
        labels: Integer array, the label of each row.
        buckets: Integer array, the index of its bucket; the higher, the surer. Of several buckets
            of one confidence, a rounded answer may give another.
        confidences: Float array, the calibrated confidence of the bucket.
    """
    labels: np.ndarray
    buckets: np.ndarray
    confidences: np.ndarray


@dataclasses.dataclass(frozen=True)
class Codebook:
    """The constants of a coded defence, for rows of so many classes.

    Attributes:
        shares: Array `(buckets, roles)`, the constants; the label is the first role.
        confidences: Array `(buckets,)`, the calibrated confidences.
        roles: Returns the index of each entry's role, given rows `(n, classes)`.
    """
    shares: np.ndarray
    confidences: np.ndarray
    roles: Callable[[np.ndarray], np.ndarray]

    @property
    def tolerance(self) -> float:
        """By how much an entry may be off before an answer could be mistaken for another.

        Neighbouring buckets of the same confidence may be mistaken: they say the same.
        """
        labels = self.shares[:, 0]
        lead = (labels - self.shares[:, 1]).min()
        gaps = np.diff(labels)[np.diff(self.confidences) > 0]
        return 0.5 * float(min([lead, *gaps]))

    def decode(self, rows: np.ndarray) -> Decoded:
        """Decodes rows `(n, classes)`.

        Raises:
            ValueError: If a row is no answer, or rounded too far.
        """
        labels, buckets, off = self._closest(rows)
        # With NaN, too.
        lost = ~(off < self.tolerance)
        if lost.any():
            index = int(np.argmax(lost))
            raise ValueError("`answers` must be answers of this layer, with entries less than "
                             f"{self.tolerance:.3g} off. Received: {np.count_nonzero(lost)} of "
                             f"{len(rows)} that are not, the first of them at index {index}, "
                             f"{off[index]:.3g} off")
        return Decoded(labels, buckets, self.confidences[buckets])

    def strays(self, rows: np.ndarray) -> int:
        """Returns how many rows `(n, classes)` are not answers to the bit."""
        *_, off = self._closest(rows)
        return int(np.count_nonzero(off != 0.0))

    def _closest(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Returns labels, buckets, and how far each row is from that answer in any entry."""
        labels = rows.argmax(axis=1)
        tops = np.take_along_axis(rows, labels[:, None], axis=1)
        known = self.shares[:, 0]
        buckets = np.searchsorted(0.5 * (known[1:] + known[:-1]), tops[:, 0])
        expected = np.take_along_axis(self.shares[buckets], self.roles(rows), axis=1)
        return labels, buckets, np.abs(rows - expected).max(axis=1, initial=0.0)


def distinct(rows: np.ndarray) -> int:
    """Returns the number of different rows `(n, classes)` of float64."""
    # Rows as bytes: to sort them by all columns takes far longer.
    whole = np.ascontiguousarray(rows).view(np.dtype((np.void, 8 * rows.shape[1])))
    return len(set(whole.ravel().tolist()))
