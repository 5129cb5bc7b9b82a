"""The oracle of a served model."""

import numpy as np

from attacks.endpoint.collector import Collector
from attacks.oracle.oracle import Oracle


class RemoteOracle(Oracle):
    """A served model that a thief can query.

    The budget counts every distinct row that this thief uses, including rows that the ledger
    answers because another thief has asked them. The `Collector` counts the rows that are sent and
    billed.

    Args:
        collector: Gets the answers.
        budget: Positive integer, the number of distinct rows that may be asked.
    """

    def __init__(self, collector: Collector, budget: int):
        super().__init__(budget)
        self._collector = collector

    def answer(self, inputs: np.ndarray, asks: list[int]) -> np.ndarray:
        return self._collector.collect(inputs, asks, "thief")
