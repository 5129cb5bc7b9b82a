"""The inputs that a thief can have."""

import dataclasses

from attacks.queries import foreign_pool
from attacks.queries.foreign_pool import ForeignPool
from models.data.loading import DataConfig
from models.data.streamed import Inputs


@dataclasses.dataclass(frozen=True, eq=False)
class Pools:
    """The inputs that a thief can have, all without the labels of the victim's task.

    Attributes:
        own: Inputs `[rows, ...]` of the victim's own domain, in random order.
        input_range: The lowest and the highest value that an input can have.
        data: The victim's data set, which no foreign pool may be, and where data sets are; or None.
    """
    own: Inputs
    input_range: tuple[float, float]
    data: DataConfig | None = None
    _foreign: dict[str, ForeignPool] = dataclasses.field(default_factory=dict,
                                                         init=False,
                                                         repr=False)

    @property
    def input_shape(self) -> tuple[int, ...]:
        """The shape of one input."""
        return self.own.shape[1:]

    def foreign(self, name: str) -> ForeignPool:
        """Images of another data set as inputs, loaded once; see `foreign_pool.load`."""
        if name not in self._foreign:
            self._foreign[name] = foreign_pool.load(name, self.own, self.input_range, self.data)
        return self._foreign[name]
