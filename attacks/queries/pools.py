"""The inputs that a thief can have."""

from collections.abc import Sequence
import threading

from attacks.queries import foreign_pool
from attacks.queries.foreign_pool import ForeignPool
from models.data.loading import DataConfig
from models.data.streamed import Inputs


class Pools:
    """The inputs that a thief can have, all without the labels of the victim's task.

    Args:
        own: Inputs `[rows, ...]` of the victim's own domain, in random order.
        input_range: The lowest and the highest value of an input.
        data: The victim's data set, which no foreign pool may be, and where data sets are. Defaults
            to `None`: not known.
        others: The inputs of the victim and of the evaluator, which no foreign pool may have.
            Defaults to `()`: not known.
    """

    def __init__(self,
                 own: Inputs,
                 input_range: tuple[float, float],
                 data: DataConfig | None = None,
                 others: Sequence[Inputs] = ()):
        self.own = own
        self.input_range = input_range
        self._data, self._others = data, others
        self._foreign: dict[str, ForeignPool] = {}
        self._lock = threading.Lock()

    @property
    def input_shape(self) -> tuple[int, ...]:
        """The shape of one input."""
        return self.own.shape[1:]

    def fingerprints(self) -> dict[str, str]:
        """The fingerprints of the loaded pools that are the user's own files, by their paths."""
        with self._lock:
            return {
                name: pool.fingerprint for name, pool in self._foreign.items() if pool.fingerprint
            }

    def foreign(self, name: str) -> ForeignPool:
        """Images of another data set as inputs, loaded once; see `foreign_pool.load`."""
        with self._lock:
            if name not in self._foreign:
                self._foreign[name] = foreign_pool.load(name, self.own, self.input_range,
                                                        self._data, self._others)
            return self._foreign[name]
