"""A served model as a thief can query it."""

import numpy as np

from attacks.endpoint.collector import Collector
from attacks.oracle.oracle import Oracle


class RemoteOracle(Oracle):
    """A model behind an endpoint, with a budget of its own.

    The budget counts every distinct row that this thief uses, also those that the ledger answers
    because another thief has asked them; what is sent, and billed, is the `Collector`'s to count.

    Args:
        collector: Gets the answers.
        budget: Positive integer, the number of distinct rows that may be asked.
    """

    def __init__(self, collector: Collector, budget: int):
        super().__init__(budget)
        self._collector = collector

    def answer(self, inputs: np.ndarray, asks: list[int]) -> np.ndarray:
        return self._collector.collect(inputs, asks, "thief")
