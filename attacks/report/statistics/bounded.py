"""Differences that must not exceed a margin."""

import dataclasses

from attacks.report.statistics.variance import Estimate

CONFIDENCE = 0.95


@dataclasses.dataclass(frozen=True)
class Bounded:
    """A difference, with its one-sided bounds.

    Attributes:
        name: What it is the difference of, in words.
        estimate: The difference; `None` where it is unknown.
        count: The number of replicates, or of victims, that it is the mean of.
    """
    name: str
    estimate: Estimate | None
    count: int

    @property
    def mean(self) -> float | None:
        """The mean."""
        return self.estimate and self.estimate.mean

    def low(self, confidence: float = CONFIDENCE) -> float | None:
        """The lower bound; `None` where too little is known."""
        return self._ends(confidence)[0]

    def high(self, confidence: float = CONFIDENCE) -> float | None:
        """The upper bound; `None` where too little is known."""
        return self._ends(confidence)[1]

    def _ends(self, confidence):
        ends = self.estimate and self.estimate.difference_interval(2 * confidence - 1)
        return ends or (None, None)
